"""The page at ``/``."""

import re

import pytest
from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.web.site import Page, Site

from dora_exporter import __version__
from dora_exporter.dora.events import DAY_MS, Commit, Deployment, Verdict
from dora_exporter.dora.groups import Groups
from dora_exporter.series.overview import LARGEST_PAGE
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.http.client import Transport
from dora_exporter.sources.pagerduty.settings import PagerDutySettings

DASH = "\N{EN DASH}"


def deployments(service: str, count: int, **changes: object) -> list[Deployment]:
    """So many, a day between each and the next."""
    return [
        deployment(service=service, id=f"{service}-{number}", finished_at=NOW_MS - number * DAY_MS, **changes)
        for number in range(count)
    ]


def services(page: Page) -> list[str]:
    return [row[0] for row in page.rows[1:]]


async def test_a_series_shows_its_numbers_with_their_levels(aiohttp_client: AiohttpClient) -> None:
    commit = Commit("a" * 40, NOW_MS - 2 * DAY_MS - 2 * HOUR_MS)
    browser = await Site(
        [
            *deployments("checkout", 2),
            deployment(service="checkout", finished_at=NOW_MS - 2 * DAY_MS, commits=(commit,)),
            incident(started_at=NOW_MS - HOUR_MS, finished_at=NOW_MS - HOUR_MS // 2),
            incident(started_at=NOW_MS - HOUR_MS // 4),
        ]
    ).start(aiohttp_client)

    page = await browser.open("/")

    assert page.rows[1] == [
        "checkout",
        "production",
        "0 s ago",
        "0.10 3rd level",
        "2.0 h best level",
        "33.3% worst level",
        "30.0 min",
        DASH,
        "1 open",
    ]
    assert page.named("svg")[4]["aria-label"] == "Deployments a day over 30 days: 3 in all, 1 failed, at most 1 a day"


@pytest.mark.parametrize(
    ("edition", "missing"),
    [("2022", ["DORA\N{RIGHT SINGLE QUOTATION MARK}s report of 2022 has no elite level."]), ("2024", [])],
)
async def test_the_levels_that_a_report_does_not_have_are_named(
    aiohttp_client: AiohttpClient, edition: str, missing: list[str]
) -> None:
    browser = await Site([deployment()], edition=edition).start(aiohttp_client)

    assert re.findall(r"DORA\S+ report of \d+ has no.*?\.", (await browser.open("/")).text) == missing


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["shaky", "often", "rare"]),
        ("?sort=service", ["often", "rare", "shaky"]),
        ("?sort=service&order=desc", ["shaky", "rare", "often"]),
        ("?sort=deployment_frequency", ["rare", "shaky", "often"]),
        ("?sort=change_failure_rate&order=desc", ["shaky", "often", "rare"]),
        ("?sort=open_incidents&order=desc", ["rare", "often", "shaky"]),
        ("?sort=change_lead_time", ["shaky", "often", "rare"]),
        ("?sort=change_lead_time&order=desc", ["shaky", "often", "rare"]),
        ("?sort=environment", ["often", "shaky", "rare"]),
        ("?q=AR", ["rare"]),
        ("?q=+rare+", ["rare"]),
        ("?environment=staging", ["rare"]),
        ("?level=high", ["shaky", "often"]),
        ("?window=7d&level=elite", ["often", "rare"]),
        ("?level=low", ["shaky"]),
        ("?sort=nothing&order=odd&window=2y&level=best&page=x&tier=odd", ["often", "shaky"]),
        ("?page=99999999999999999999", ["shaky", "often", "rare"]),
        ("?tier=production", ["shaky", "often"]),
        ("?tier=staging", ["rare"]),
        ("?tier=testing", []),
        ("?team=nobody", []),
        ("?q=nobody", []),
    ],
)
async def test_series_are_searched_and_sorted(aiohttp_client: AiohttpClient, query: str, expected: list[str]) -> None:
    failed = Verdict(change_failure=True)
    commit = Commit("a" * 40, NOW_MS - 3 * DAY_MS)
    browser = await Site(
        [
            *deployments("often", 9),
            *deployments("rare", 1, environment="staging"),
            incident(services=("rare",), environment="staging", started_at=NOW_MS - 9 * DAY_MS),
            *deployments("shaky", 2, verdict=failed, commits=(commit,)),
        ]
    ).start(aiohttp_client)

    given = query if "tier=" in query else f"{query}{'&' if query else '?'}tier=all"
    assert services(await browser.open(f"/{given}")) == expected


async def test_the_headers_sort_and_say_how_the_table_is_sorted(aiohttp_client: AiohttpClient) -> None:
    browser = await Site([*deployments("often", 9), *deployments("rare", 1)]).start(aiohttp_client)

    once = await browser.open((await browser.open("/?window=7d&sort=service")).links["Deployments per day"])
    twice = await browser.open(once.links["Deployments per day"])

    assert (services(once), services(twice)) == (["rare", "often"], ["often", "rare"])
    assert [each["aria-sort"] for each in once.named("th") if "aria-sort" in each] == ["ascending"]
    assert [each["aria-sort"] for each in twice.named("th") if "aria-sort" in each] == ["descending"]
    assert "window=7d" in twice.links["Service"]


async def test_the_sums_are_of_what_was_asked_for(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(
        [
            *deployments("checkout", 3),
            *deployments("search", 1, verdict=Verdict(change_failure=True)),
            incident(services=("search",), started_at=NOW_MS - 60 * DAY_MS),
        ]
    ).start(aiohttp_client)

    every, one = [(await browser.open(f"/{query}")).text for query in ("", "?q=check&window=7d")]
    assert "Deployments per day 0.13" in every
    assert "Change failure rate 25.0%" in every
    assert "Series 2 Open incidents 1" in every
    assert "Change failure rate 0.0%" in one
    assert "Series 1 Open incidents 0" in one


async def test_a_long_table_has_pages(aiohttp_client: AiohttpClient) -> None:
    count = LARGEST_PAGE + 1
    records = [deployment(service=f"service-{number:03}") for number in range(count)]
    browser = await Site(records).start(aiohttp_client)

    first = await browser.open("/?environment=production")
    last = await browser.open(first.links["Next page"])

    assert services(first) == [f"service-{number:03}" for number in range(LARGEST_PAGE)]
    assert services(last) == [f"service-{LARGEST_PAGE:03}"]
    assert f"Page 1 of 2 of {count} series" in first.text
    assert services(await browser.open(last.links["Previous page"])) == services(first)


async def test_series_beyond_the_limit_are_mentioned(aiohttp_client: AiohttpClient) -> None:
    records = [deployment(service=name) for name in ("checkout", "search", "stock")]
    page = await (await Site(records, series_limit=1).start(aiohttp_client)).open("/")

    assert services(page) == ["checkout"]
    assert "2 further series exceed the limit" in page.text


async def test_an_empty_daemon_says_what_to_expect(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site().start(aiohttp_client)).open("/")

    assert "No events yet" in page.text
    assert "Change failure rate \N{EN DASH} nothing to compare with" in page.text


async def test_a_search_without_result_leads_back(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site([deployment()]).start(aiohttp_client)).open("/?q=nobody")

    assert "Nothing matches these filters" in page.text
    assert page.links["Show all"] == "./"


async def test_the_page_names_the_version_and_links_to_what_else_there_is(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site().start(aiohttp_client)).open("/")

    assert f"dora-exporter {__version__}" in page.text
    assert {"sources", "metrics", "openapi.json", "-/healthy", "-/ready"} <= {*page.links.values()}


async def test_failing_sources_are_counted(aiohttp_client: AiohttpClient) -> None:
    site = Site()
    settings = PagerDutySettings(kind="pagerduty", token="t")
    around = SourceContext(
        transport=Transport(clock=site.clock), clock=site.clock, default_environment="none", longest_window_ms=DAY_MS
    )
    await site.sources.configure({"one": settings, "two": settings}, around)
    browser = await site.start(aiohttp_client)

    assert "Sources 2 up" in (await browser.open("/")).text
    next(iter(site.sources)).health.failed("no answer", at_ms=NOW_MS, seconds=1)
    assert "Sources 1 of 2 failing" in (await browser.open("/")).text


async def test_production_is_shown_unless_there_is_none_or_another_tier_is_asked_for(
    aiohttp_client: AiohttpClient,
) -> None:
    both = await Site([deployment(), deployment(service="cart", environment="dev")]).start(aiohttp_client)
    other = await Site([deployment(environment="none")]).start(aiohttp_client)

    assert services(await both.open("/")) == ["checkout"]
    assert services(await both.open((await both.open("/")).links["all"])) == ["cart", "checkout"]
    assert services(await both.open((await both.open("/")).links["development"])) == ["cart"]
    assert services(await both.open("/?environment=dev")) == ["cart"]
    assert services(await other.open("/")) == ["checkout"]


async def test_the_numbers_of_all_are_compared_with_the_window_before(aiohttp_client: AiohttpClient) -> None:
    now = deployments("checkout", 10)
    before = [
        deployment(id=f"before-{number}", finished_at=NOW_MS - (31 + number) * DAY_MS, verdict=verdict)
        for number, verdict in enumerate([Verdict(change_failure=True), *[None] * 19])
    ]
    page = await (await Site([*now, *before]).start(aiohttp_client)).open("/")

    assert "Deployments per day 0.33 worse: \N{MINUS SIGN}50%, from 0.67" in page.text
    assert "Change failure rate 0.0% \N{MINUS SIGN}5.0 points, from 5.0%" in page.text
    assert "Change lead time \N{EN DASH} nothing to compare with" in page.text
    label = page.named("svg")[0]["aria-label"]
    assert label == "Deployments per day over 90 days: from 0.00 to 1.00, at most 1.00"


async def test_teams_have_their_numbers_and_lead_to_their_services(aiohttp_client: AiohttpClient) -> None:
    records = [
        *deployments("checkout", 2, team="crew"),
        *deployments("search", 3, team="squad", verdict=Verdict(change_failure=True)),
        *deployments("cart", 1, team="crew", environment="staging"),
    ]
    browser = await Site(records).start(aiohttp_client)
    page = await browser.open("/")

    assert [row[:5] for row in page.rows[1:3]] == [
        ["squad", "production", "0.10", DASH, "100.0%"],
        ["crew", "production", "0.07", DASH, "0.0%"],
    ]
    team = await browser.open(page.links["crew"])
    assert "Team crew in production" in team.text
    assert team.rows[-1][:2] == ["checkout", "0.07 3rd level"]
    assert (await browser.open("/team?team=nobody&environment=production")).status == 404
    assert (await browser.open("/group?group=nobody&environment=production")).status == 404


async def test_groups_have_their_numbers_too_and_lead_to_their_services(aiohttp_client: AiohttpClient) -> None:
    records = [*deployments("checkout", 2, team="crew"), *deployments("search", 3, team="squad")]
    groups = Groups(above={"shop": None, "back": "shop"}, of_services={"search": "back"}, of_teams={"crew": "shop"})
    browser = await Site(records, groups=groups).start(aiohttp_client)
    page = await browser.open("/")

    assert [row[:3] for row in page.rows[1:3]] == [["back", "production", "0.10"], ["shop", "production", "0.17"]]
    assert "Groups 2 groups, over 30d." in page.text
    assert (await browser.open(page.links["shop"])).text.count("Group shop in production") == 1
    assert "Groups" not in (await browser.open("/?team=crew")).text


async def test_what_needs_attention_is_said_with_a_link_to_its_explanation(aiohttp_client: AiohttpClient) -> None:
    outage = incident(id="outage", started_at=NOW_MS - 3 * HOUR_MS)
    page = await (await Site([*deployments("checkout", 6), outage]).start(aiohttp_client)).open("/")

    assert "an incident has been open for 3 hours" in page.text
    assert page.links["checkout"] == (
        "explain?service=checkout&environment=production&metric=dora_incidents&window=30d"
    )
