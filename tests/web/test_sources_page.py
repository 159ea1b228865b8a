"""The page of the sources and their health."""

from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS
from tests.web.site import Site

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.events import DAY_MS
from dora_exporter.sources.contract import Ignored, SourceContext
from dora_exporter.sources.http.client import Transport
from dora_exporter.sources.pagerduty.settings import PagerDutySettings


async def site_with_source() -> Site:
    site = Site()
    around = SourceContext(
        transport=Transport(clock=site.clock), clock=site.clock, default_environment="none", longest_window_ms=DAY_MS
    )
    await site.sources.configure({"oncall": PagerDutySettings(kind="pagerduty", token="s3cret")}, around)
    return site


async def test_a_source_that_fails_says_why_in_words(aiohttp_client: AiohttpClient) -> None:
    site = await site_with_source()
    health = next(iter(site.sources)).health
    health.succeeded(at_ms=NOW_MS - 2 * HOUR_MS, seconds=1)
    health.count([Outcome.CREATED, Outcome.CREATED, Outcome.UPDATED])
    health.failed("the token is refused <401>", at_ms=NOW_MS, seconds=1)

    page = await (await site.start(aiohttp_client)).open("/sources")

    assert page.rows[1] == [
        "oncall pagerduty",
        "fails",
        "failed once: the token is refused <401>",
        "2025-06-15 13:06 2.0 h ago",
        "\N{EN DASH}",
        "2 created, 1 updated",
        "0",
    ]
    assert "s3cret" not in page.source


async def test_a_source_that_was_not_asked_yet_waits(aiohttp_client: AiohttpClient) -> None:
    page = await (await (await site_with_source()).start(aiohttp_client)).open("/sources")

    assert page.rows[1][1:3] == ["waits", "has not been asked yet"]


async def test_a_source_that_works_says_so(aiohttp_client: AiohttpClient) -> None:
    site = await site_with_source()
    next(iter(site.sources)).health.succeeded(at_ms=NOW_MS, seconds=1)

    assert (await (await site.start(aiohttp_client)).open("/sources")).rows[1][1:3] == ["works", "works"]


async def test_without_sources_the_page_says_how_to_add_one(aiohttp_client: AiohttpClient) -> None:
    assert "No sources are configured" in (await (await Site().start(aiohttp_client)).open("/sources")).text


async def test_the_last_deliveries_are_shown_and_why_nothing_was_written(aiohttp_client: AiohttpClient) -> None:
    site = await site_with_source()
    health = next(iter(site.sources)).health
    health.ignored[Ignored.TEST] += 1
    health.deliveries.accept(NOW_MS - HOUR_MS, kind="<ping>", outcome="ignored", reason="a test delivery")
    health.deliveries.refuse(NOW_MS, "no valid signature or key")
    health.deliveries.refuse(NOW_MS, "no valid signature or key")

    page = await (await site.start(aiohttp_client)).open("/sources")

    assert page.rows[1][5] == "1 ignored"
    assert page.rows[2:] == [
        ["Received", "Kind", "Outcome", "Reason"],
        ["2025-06-15 15:06 0 s ago", "\N{EN DASH}", "refused 2 times in a row", "no valid signature or key"],
        ["2025-06-15 14:06 1.0 h ago", "<ping>", "ignored", "a test delivery"],
    ]


async def test_a_push_source_without_deliveries_says_where_they_go(aiohttp_client: AiohttpClient) -> None:
    page = await (await (await site_with_source()).start(aiohttp_client)).open("/sources")

    assert "Nothing was delivered to /webhooks/oncall since the daemon started." in page.text
