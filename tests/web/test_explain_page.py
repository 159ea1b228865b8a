"""The readable form of explanations."""

import re
from collections.abc import Iterable, Sequence

import pytest
from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.web.site import Site

from dora_exporter.dora.events import DAY_MS, Commit, Deployment, Verdict
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.records import Record
from dora_exporter.series.explanation import METRICS
from dora_exporter.web.pages.causes import LARGEST_LIST, SHOWN

SERIES = "/explain?service=checkout&environment=production"
EVENTS = (
    deployment(id="first", version="v1", finished_at=NOW_MS - 8 * DAY_MS),
    deployment(id="second", version="v2", finished_at=NOW_MS - 6 * HOUR_MS),
    deployment(
        id="back", version="v1", finished_at=NOW_MS - 4 * HOUR_MS, commits=(Commit("a" * 40, NOW_MS - 5 * HOUR_MS),)
    ),
    incident(id="outage", name="Outage", started_at=NOW_MS - 5 * HOUR_MS, finished_at=NOW_MS - 3 * HOUR_MS),
)


@pytest.mark.parametrize(
    ("metric", "value", "sum_"),
    [
        ("dora_deployment_frequency_per_day", "Value 0.29", "2 deployments in 7 days."),
        ("dora_change_failure_rate", "Value 50.0%", "1 of 2 deployments failed."),
        ("dora_deployment_rework_rate", "Value 50.0%", "1 of 2 deployments were rework."),
        ("dora_change_lead_time_seconds", "median 1.0 h", "Over 1 commits first shipped by 2 deployments."),
        ("dora_time_to_restore_seconds", "median 2.0 h", "Over 1 resolved incidents."),
        (
            "dora_failed_deployment_recovery_time_seconds",
            "median 2.0 h",
            "Over 1 failed deployments that recovered.",
        ),
        ("dora_change_failures", "rollback 1", "Breakdown"),
        ("dora_incidents", "Value 1", "Breakdown"),
    ],
)
async def test_the_value_stands_beside_what_it_is_made_of(
    aiohttp_client: AiohttpClient, metric: str, value: str, sum_: str
) -> None:
    browser = await Site(EVENTS).start(aiohttp_client)

    page = await browser.open(f"{SERIES}&metric={metric}&window=7d")

    assert value in page.text
    assert sum_ in page.text


async def test_what_counts_and_what_does_not_are_listed(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(EVENTS).start(aiohttp_client)

    page = await browser.open(f"{SERIES}&metric=dora_change_failure_rate&window=7d")

    assert [row[0] for row in page.rows if row[0].startswith("v")] == ["v2 second", "v1 back"]
    assert page.rows[-1] == ["deployment", "first", "finished outside of the window"]
    assert "Failed: rollback 1" in page.text


def unfolded(source: str) -> str:
    """What a reader sees of a page before they unfold anything."""
    return re.sub(r"<details>.*?</details>", "", re.sub(r"<td.*?</td>", "", source, flags=re.DOTALL), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("metric", "title", "first"),
    [
        ("dora_change_failure_rate", "Failed", ["quick", "slow", "bad"]),
        ("dora_deployment_rework_rate", "Rework", ["mended"]),
        ("dora_change_lead_time_seconds", "Slowest", ["slow", "quick"]),
        ("dora_failed_deployment_recovery_time_seconds", "Longest to recover", ["bad", "slow"]),
        ("dora_time_to_restore_seconds", "Longest", ["long", "short"]),
        ("dora_incidents", "Longest", ["open", "long", "short"]),
        ("dora_deployments", "Latest", ["quick", "slow", "mended", "bad", "old"]),
    ],
)
async def test_the_answer_and_what_caused_it_come_first_and_the_rest_is_folded(
    aiohttp_client: AiohttpClient, metric: str, title: str, first: Sequence[str]
) -> None:
    slow = Commit("a" * 40, NOW_MS - 4 * DAY_MS)
    quick = Commit("b" * 40, NOW_MS - 3 * HOUR_MS)
    events: list[Record] = [
        deployment(id="old", version="1", finished_at=NOW_MS - 8 * DAY_MS),
        deployment(id="bad", version="2", finished_at=NOW_MS - 30 * HOUR_MS),
        deployment(id="mended", version="1", finished_at=NOW_MS - 20 * HOUR_MS),
        deployment(id="slow", version="4", finished_at=NOW_MS - 2 * HOUR_MS, commits=(slow,)),
        deployment(id="quick", version="5", finished_at=NOW_MS - HOUR_MS, commits=(quick,)),
        incident(id="short", version="4", started_at=NOW_MS - HOUR_MS, finished_at=NOW_MS - HOUR_MS // 2),
        incident(id="long", started_at=NOW_MS - 9 * DAY_MS, finished_at=NOW_MS - DAY_MS),
        incident(id="open", started_at=NOW_MS - HOUR_MS),
    ]
    page = await (await Site(events).start(aiohttp_client)).open(f"{SERIES}&metric={metric}&window=30d")
    seen = unfolded(page.source)

    assert seen.index('class="tiles answer"') < seen.index(f">{title}</h2>") < seen.index(">The rest</h2>")
    assert re.findall(r'class="more id"><bdi>(\w+)<', seen) == first
    for folded in ("Breakdown</summary>", "other deployment", "not counted, as expected"):
        assert folded not in seen


async def test_only_surprising_omissions_are_seen_before_anything_is_unfolded(aiohttp_client: AiohttpClient) -> None:
    judged = Verdict(change_failure=False)
    events: list[Record] = [
        deployment(id="old", version="1", finished_at=NOW_MS - 20 * DAY_MS),
        deployment(id="one", version="2", finished_at=NOW_MS - 8 * HOUR_MS, verdict=judged),
        deployment(id="two", version="1", finished_at=NOW_MS - 4 * HOUR_MS),
    ]
    page = await (await Site(events).start(aiohttp_client)).open(f"{SERIES}&metric=dora_change_failure_rate&window=7d")
    before, _, after = page.source.partition(">The rest</h2>")

    assert "the verdict says that it did not fail" in before
    assert "finished outside of the window" not in before
    assert "finished outside of the window" in after


async def test_commits_lead_to_their_host_and_incidents_to_the_series(aiohttp_client: AiohttpClient) -> None:
    shipped = Commit("c" * 40, NOW_MS - 7 * HOUR_MS)
    events: list[Record] = [
        deployment(id="bad", repository="github.com/acme/shop", finished_at=NOW_MS - 6 * HOUR_MS, commits=(shipped,)),
        incident(id="outage", started_at=NOW_MS - 5 * HOUR_MS),
    ]
    page = await (await Site(events).start(aiohttp_client)).open(f"{SERIES}&metric=dora_change_failure_rate&window=7d")

    assert page.links["c" * 10] == f"https://github.com/acme/shop/commit/{'c' * 40}"
    assert page.links["outage"] == "series?service=checkout&environment=production#incidents"


async def test_every_number_can_be_asked_for(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(EVENTS).start(aiohttp_client)
    options = {each["value"] for each in (await browser.open(SERIES)).named("option") if "value" in each}

    assert options == {*METRICS}
    for metric in METRICS:
        assert (await browser.open(f"{SERIES}&metric={metric}")).status == 200


async def test_a_team_is_explained_with_the_services_of_its_deployments(aiohttp_client: AiohttpClient) -> None:
    events = [deployment(id=service, service=service, team="crew", version="v1") for service in ("cart", "till")]
    page = await (await Site(events).start(aiohttp_client)).open(
        "/explain?team=crew&environment=production&metric=dora_team_deployments&window=7d"
    )

    assert "Value 2" in page.text
    assert {row[0] for row in page.rows if row[0].startswith("v1")} == {"v1 cart cart", "v1 till till"}
    assert {each["name"]: each["value"] for each in page.named("input") if each["type"] == "hidden"} == {
        "team": "crew",
        "environment": "production",
    }


async def test_the_stages_are_named(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site(EVENTS).start(aiohttp_client)).open(
        f"{SERIES}&metric=dora_lead_time_stage_seconds&window=7d"
    )

    assert "Stages: time to deploy 1" in page.text
    assert "time_to_deploy, median" in page.text


async def test_a_number_without_data_says_so(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site(EVENTS[:1]).start(aiohttp_client)).open(f"{SERIES}&metric=dora_time_to_restore_seconds")

    assert "Value \N{EN DASH}" in page.text
    assert "Events 0" in page.text


async def test_long_lists_are_cut_and_say_so(aiohttp_client: AiohttpClient) -> None:
    many = [
        deployment(id=f"d{number}", version="v", finished_at=NOW_MS - number * 1000) for number in range(LARGEST_LIST)
    ]
    page = await (await Site([*many, *EVENTS]).start(aiohttp_client)).open(
        f"{SERIES}&metric=dora_deployments&window=7d"
    )

    assert sum(row[0].startswith("v") for row in page.rows) == LARGEST_LIST
    assert f"Latest: {SHOWN} of the {LARGEST_LIST + 2} deployments" in page.text
    assert f"The latest {LARGEST_LIST - SHOWN} of the {LARGEST_LIST + 2 - SHOWN} other deployments" in page.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("&metric=dora_nothing", 400),
        ("&window=2y", 400),
        ("&environment=&service=", 200),
        ("x", 404),
        ("&team=crew", 400),
    ],
)
async def test_what_cannot_be_explained_is_refused_in_words(
    aiohttp_client: AiohttpClient, query: str, status: int
) -> None:
    page = await (await Site(EVENTS).start(aiohttp_client)).open(f"{SERIES}{query}")

    assert page.status == status
    assert page.named("h1")


class Defective:
    """A rule that cannot judge anything."""

    needs_commits = False

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        raise RuntimeError("a defect")

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[LookupKey]) -> Iterable[Link]:
        return ()


@pytest.mark.parametrize("path", [SERIES, SERIES.replace("/explain", "/series")])
async def test_a_series_that_cannot_be_computed_is_said_to_be_so(aiohttp_client: AiohttpClient, path: str) -> None:
    site = Site([deployment()], rules=(Defective(),))
    shown = await (await site.start(aiohttp_client)).open(path)
    assert shown.status == 503
    assert "Computing the numbers of this service and environment failed" in shown.text
