"""Badges."""

import pytest
from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.web.site import Site

from dora_exporter.dora.events import DAY_MS, Commit, Verdict
from dora_exporter.web.pages.badge import badge

EVENTS = (
    deployment(version="v1", finished_at=NOW_MS - DAY_MS, commits=(Commit("a" * 40, NOW_MS - DAY_MS - 3 * HOUR_MS),)),
    deployment(version="v2", finished_at=NOW_MS - HOUR_MS, verdict=Verdict(change_failure=True)),
    deployment(service="team/cart", environment="staging"),
    incident(started_at=NOW_MS - 5 * HOUR_MS, finished_at=NOW_MS - 3 * HOUR_MS),
)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("checkout/production/deployment_frequency", "deployments per day (30d): 0.07"),
        ("checkout/production/deployment_frequency.svg?window=7d", "deployments per day (7d): 0.29"),
        ("checkout/production/change_lead_time", "change lead time (30d): 3.0 h"),
        ("checkout/production/change_failure_rate", "change failure rate (30d): 100.0%"),
        ("checkout/production/time_to_restore", "time to restore (30d): 2.0 h"),
        ("checkout/production/recovery_time", "recovery time (30d): 2.0 h"),
        ("team%2Fcart/staging/change_failure_rate", "change failure rate (30d): 0.0%"),
        ("team%2Fcart/staging/time_to_restore", "time to restore (30d): unknown"),
        ("nobody/production/change_failure_rate", "change failure rate (30d): unknown"),
    ],
)
async def test_a_badge_shows_a_number_where_there_is_one(aiohttp_client: AiohttpClient, path: str, label: str) -> None:
    browser = await Site(EVENTS).start(aiohttp_client)
    page = await browser.open(f"/badge/{path}" if "?" in path else f"/badge/{path}.svg")

    assert page.status == 200
    assert page.headers["Content-Type"].startswith("image/svg+xml")
    assert page.headers["Cache-Control"] == "max-age=300"
    assert page.named("svg")[0]["aria-label"] == label


async def test_an_unknown_metric_is_not_found(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(EVENTS).start(aiohttp_client)

    assert (await browser.open("/badge/checkout/production/size.svg")).status == 404


def test_text_is_escaped_and_what_is_unknown_is_grey() -> None:
    assert "&lt;b&gt;" in badge("<b>", "1")
    assert badge("x", "1").replace("#2f41b8", "#5a6274").count("#5a6274") == badge("x", None).count("#5a6274")
    assert "#2f41b8" not in badge("x", None)
