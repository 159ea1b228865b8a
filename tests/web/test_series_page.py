"""The page of one series: its latest events and what was decided about them."""

from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, MINUTE_MS, NOW_MS, deployment, incident
from tests.web.site import Site

from dora_exporter.dora.events import DAY_MS, Commit, Shipped, Verdict
from dora_exporter.series.recent_events import RECENT

PATH = "/series?service=checkout&environment=production"
FIRST = deployment(id="first", version="v1", finished_at=NOW_MS - 9 * HOUR_MS)
SECOND = deployment(id="second", version="v2", finished_at=NOW_MS - 8 * HOUR_MS)
BACK = deployment(id="back", version="v1", finished_at=NOW_MS - 7 * HOUR_MS)


async def test_a_rollback_is_told_with_what_it_remedied(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site([FIRST, SECOND, BACK]).start(aiohttp_client)).open(PATH)

    assert [row[0] for row in page.rows if row[0].startswith("v")] == ["v1 back", "v2 second", "v1 first"]
    assert "fine rework fixed a failed deployment" in page.rows[5][2]
    assert page.rows[6][2] == "failed rolled back Fixed by v1 Recovered after 1.0 h"
    assert page.rows[7][2] == "fine"
    assert [each["href"] for each in page.named("a")].count("#deployment-1") == 1
    assert page.named("tr")[5]["id"] == "deployment-1"


async def test_an_incident_and_its_deployment_lead_to_each_other(aiohttp_client: AiohttpClient) -> None:
    opened = incident(id="outage", name="Till is down", severity="SEV-1", started_at=NOW_MS - 6 * HOUR_MS)
    page = await (await Site([FIRST, opened]).start(aiohttp_client)).open(PATH)

    assert "failed an incident is attributed to it Incident Till is down Not recovered yet" in page.row("v1")[2]
    assert page.row("Till")[0] == "Till is down SEV-1 outage"
    assert page.row("Till")[2] == "open for 6.0 h"
    assert page.row("Till")[3].startswith("first ")
    assert (page.links["Till is down"], page.links["first"]) == ("#incident-1", "#deployment-1")


async def test_a_restored_incident_and_one_that_is_nobodys(aiohttp_client: AiohttpClient) -> None:
    over = incident(
        id="old", name="Old", started_at=NOW_MS - 20 * HOUR_MS, finished_at=NOW_MS - 20 * HOUR_MS + 30 * MINUTE_MS
    )
    page = await (await Site([FIRST, over]).start(aiohttp_client)).open(PATH)

    assert "restored after 30.0 min" in page.row("Old")[2]
    assert page.row("Old")[3].startswith("unattributed no deployment had started")


async def test_a_verdict_is_told_either_way(aiohttp_client: AiohttpClient) -> None:
    fine = deployment(id="fine", version="v3", verdict=Verdict(change_failure=False))
    failed = deployment(id="bad", version="v4", verdict=Verdict(change_failure=True))
    page = await (await Site([fine, failed]).start(aiohttp_client)).open(PATH)

    assert page.row("v3")[2] == "fine set by hand or by API"
    assert page.row("v4")[2] == "failed set by hand or by API Not recovered yet"


async def test_what_does_not_count_is_named_with_the_reason(aiohttp_client: AiohttpClient) -> None:
    later = deployment(id="later", finished_at=NOW_MS + MINUTE_MS)
    expired = deployment(id="expired", finished_at=NOW_MS - 401 * DAY_MS)
    lost = incident(id="lost", started_at=NOW_MS - 402 * DAY_MS, finished_at=NOW_MS - 401 * DAY_MS)
    soon = incident(id="soon", started_at=NOW_MS + MINUTE_MS)
    ahead = deployment(id="ahead", commits=(Commit("c" * 40, NOW_MS + DAY_MS),))
    page = await (await Site([FIRST, later, expired, lost, soon, ahead]).start(aiohttp_client)).open(PATH)

    left_out = [row for row in page.rows if row[0] in {"deployment", "incident", "commit"}]
    assert left_out == [
        ["deployment", "later", "finishes later"],
        ["deployment", "expired", "is older than the retention"],
        ["incident", "soon", "begins later"],
        ["incident", "lost", "is older than the retention"],
        ["commit", "c" * 40, "was authored too long after the deployment"],
    ]


async def test_commits_are_listed_with_their_lead_times(aiohttp_client: AiohttpClient) -> None:
    commits = tuple(Commit(f"{number:040x}", NOW_MS - DAY_MS - number * HOUR_MS) for number in range(12))
    page = await (await Site([deployment(version="v1", commits=commits)]).start(aiohttp_client)).open(PATH)

    assert page.row("v1")[3].startswith("12 commits 0000000000 11.0 h 0000000000 10.0 h")
    assert page.row("v1")[3].endswith(" 2 more")


async def test_only_the_latest_events_are_shown(aiohttp_client: AiohttpClient) -> None:
    count = RECENT + 3
    events = [
        deployment(id=f"d{number}", version="v", finished_at=NOW_MS - number * HOUR_MS) for number in range(count)
    ]
    incidents = [incident(id=f"i{number}", name="n", started_at=NOW_MS - number * HOUR_MS) for number in range(count)]
    page = await (await Site([*events, *incidents]).start(aiohttp_client)).open(PATH)

    assert [row[0] for row in page.rows if row[0].startswith("v ")] == [f"v d{number}" for number in range(RECENT)]
    assert [row[0] for row in page.rows if row[0].startswith("n ")] == [f"n i{number}" for number in range(RECENT)]
    assert f"The latest {RECENT} of {count} deployments" in page.text


async def test_the_numbers_of_each_window_lead_to_their_explanations(aiohttp_client: AiohttpClient) -> None:
    browser = await Site([FIRST, SECOND, BACK]).start(aiohttp_client)
    page = await browser.open(PATH)

    assert page.row("7d")[3] == page.row("90d")[3] == "33.3% worst level"
    explanation = await browser.open(page.links["33.3%"])
    assert "1 of 3 deployments failed." in explanation.text
    assert explanation.links["checkout"].startswith("series?")


async def test_a_series_of_which_nothing_is_held_is_not_found(aiohttp_client: AiohttpClient) -> None:
    browser = await Site([FIRST]).start(aiohttp_client)

    for path in ("/series", "/series?service=checkout", "/series?service=&environment=production"):
        page = await browser.open(path)
        assert (page.status, page.links["Show all series"]) == (404, "./")


async def test_commits_lead_to_hosts_that_are_known(aiohttp_client: AiohttpClient) -> None:
    sha = "ab" * 20
    known, unknown = (
        deployment(id=host, version=host, commit_sha=sha, repository=f"{host}/acme/shop")
        for host in ("github.com", "git.example")
    )
    page = await (await Site([known, unknown]).start(aiohttp_client)).open(PATH)

    assert page.links[sha[:10]] == f"https://github.com/acme/shop/commit/{sha}"
    assert [each["href"] for each in page.named("a") if "acme" in (each["href"] or "")] == [page.links[sha[:10]]]
    assert "git.example/acme/shop" in page.text


async def test_the_four_numbers_have_lines_whose_points_are_read_one_by_one(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site([FIRST, SECOND, BACK]).start(aiohttp_client)).open(PATH)
    points = page.named("input")

    names = ["deployment_frequency", "change_lead_time", "change_failure_rate", "failed_deployment_recovery_time"]
    assert [each["name"] for each in points] == [name for name in names for _ in range(18)]
    assert {each["type"] for each in points} == {"radio"}
    assert ["checked" in each for each in points] == [number % 18 == 17 for number in range(72)]
    for said in ("2025-06-10 to 2025-06-15: 0.60", "2025-06-10 to 2025-06-15: 33.3%"):
        assert page.words.count(said) == 1
    assert "Deployments per day 0.60 0 2025-03-17 to 2025-03-22: 0.00" in page.text
    assert page.words.count("2025-03-17 to 2025-03-22: no data") == 3
    assert [each["aria-label"] for each in page.named("svg")[1:3]] == [
        "Deployments per day over 90 days, at most 0.60",
        "Change lead time over 90 days, at most \N{EN DASH}",
    ]


async def test_every_tile_leads_to_what_it_is_made_of(aiohttp_client: AiohttpClient) -> None:
    browser = await Site([deployment(team="crew"), incident(team="crew")]).start(aiohttp_client)

    for path in (PATH, "/team?team=crew&environment=production"):
        page = await browser.open(path)
        after = [page.tags[number + 2] for number, (tag, _) in enumerate(page.tags) if tag == "dt"]
        assert [tag for tag, _ in after] == ["a"] * 6
        assert "Incidents explained" in (await browser.open(f"/{after[-1][1]['href']}")).text


async def test_what_a_deployment_changed_can_be_read_where_its_host_is_known(aiohttp_client: AiohttpClient) -> None:
    sha, base, repository = "ab" * 20, "cd" * 20, "github.com/acme/shop"
    came = deployment(version="v2", commit_sha=sha, repository=repository, shipped=Shipped(repository, sha, base=base))
    page = await (await Site([came]).start(aiohttp_client)).open(PATH)

    assert page.links["changes"] == f"https://github.com/acme/shop/compare/{base}...{sha}"
