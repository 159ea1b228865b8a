"""Explanations in JSON."""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.web.site import Site

from dora_exporter.dora.events import Commit, Deployment
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.series.engine import Engine
from dora_exporter.web.api import explain
from dora_exporter.web.application import application
from dora_exporter.web.pages import explain_page
from dora_exporter.web.security.api_keys import Access

SHA = "a" * 40
EVENTS = (
    deployment(id="one", team="crew", tags=("customer:acme",), commits=(Commit(SHA, NOW_MS - 30 * HOUR_MS),)),
    deployment(id="two", service="cart", team="crew", finished_at=NOW_MS - HOUR_MS),
    incident(id="outage", services=("cart", "checkout"), team="crew", name="Outage", finished_at=NOW_MS),
)
CHECKOUT = "service=checkout&environment=production"
CREW = "team=crew&environment=production"

Ask = Callable[[str], Awaitable[tuple[int, Any]]]


@pytest.fixture
async def ask(aiohttp_client: AiohttpClient) -> Ask:
    """Asks for an explanation."""
    site, access = Site(EVENTS), Access()
    site.engine = Engine(site.store, replace(site.engine.definitions, dimensions=("customer",)))
    await site.engine.load(NOW_MS)
    routes = explain.routes(engine=site.current, why_unknown=lambda _: None, access=access)
    app = application(routes=routes, operations=explain.OPERATIONS, access=access)
    client: TestClient[web.Request, web.Application] = await aiohttp_client(app)

    async def asking(query: str) -> tuple[int, Any]:
        async with client.get(f"/api/v1/explain?{query}") as answer:
            return answer.status, json.loads(await answer.text())

    return asking


async def test_a_number_of_a_service_says_what_it_is_made_of(ask: Ask) -> None:
    status, answer = await ask(f"{CHECKOUT}&metric=dora_change_lead_time_seconds&window=7d")

    assert status == 200
    assert (answer["service"], answer["environment"], answer["metric"], answer["window"]) == (
        "checkout",
        "production",
        "dora_change_lead_time_seconds",
        "7d",
    )
    assert "team" not in answer
    assert answer["numbers"] == {"deployments": 1, "commits": 1}
    (shown,) = answer["deployments"]
    assert (shown["id"], shown["service"]) == ("one", "checkout")
    assert shown["lead_times"] == [{"sha": SHA, "seconds": 6 * 3600}]
    assert shown["stages"] == [
        {"stage": "time_to_deploy", "seconds": 6 * 3600 - 300},
        {"stage": "deploy", "seconds": 300},
    ]


async def test_an_incident_says_how_long_it_counts_as_lasting(ask: Ask) -> None:
    _, answer = await ask(f"{CHECKOUT}&metric=dora_time_to_restore_seconds&window=7d")

    (shown,) = answer["incidents"]
    assert (shown["id"], shown["restore_seconds"]) == ("outage", 12 * 3600)


@pytest.mark.parametrize("prefix", ["dora_", "dora_team_"])
async def test_a_number_of_a_team_is_made_of_the_events_of_its_services(ask: Ask, prefix: str) -> None:
    status, answer = await ask(f"{CREW}&metric={prefix}deployments")

    assert status == 200
    assert (answer["team"], answer["environment"], answer["metric"]) == ("crew", "production", f"{prefix}deployments")
    assert "service" not in answer
    assert answer["values"] == [{"labels": {}, "value": 2}]
    assert answer["numbers"] == {"deployments": 2}
    assert [(each["id"], each["service"]) for each in answer["deployments"]] == [("two", "cart"), ("one", "checkout")]


async def test_an_incident_of_two_services_is_listed_once_in_its_team(ask: Ask) -> None:
    _, answer = await ask(f"{CREW}&metric=dora_incidents")

    assert answer["numbers"] == {"incidents": 1}
    assert [(each["id"], each["services"], each["attributed_to"]) for each in answer["incidents"]] == [
        ("outage", ["cart", "checkout"], "one")
    ]


async def test_the_stages_are_explained(ask: Ask) -> None:
    _, answer = await ask(f"{CHECKOUT}&metric=dora_lead_time_stage_seconds")

    assert answer["numbers"] == {
        "deployments": 1,
        "commits": 1,
        "stages": 2,
        "stages_deploy": 1,
        "stages_time_to_deploy": 1,
    }
    assert {"labels": {"stage": "deploy", "statistic": "median"}, "value": 300} in answer["values"]


async def test_a_number_of_a_value_of_a_dimension_says_what_it_is_made_of(ask: Ask) -> None:
    status, answer = await ask("dimension=customer&value=acme&environment=production&metric=dora_deployments")

    assert (status, [each["id"] for each in answer["deployments"]]) == (200, ["one"])


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        (
            "environment=production&metric=dora_deployments",
            400,
            'parameter "service", "team", "group" or "dimension" is missing',
        ),
        (f"{CHECKOUT}&team=crew&metric=dora_deployments", 400, 'parameters "service" and "team" exclude each other'),
        (f"{CHECKOUT}&group=shop&metric=dora_deployments", 400, 'parameters "service" and "group" exclude each other'),
        (
            "service=&team=&environment=x&metric=dora_deployments",
            400,
            'parameter "service", "team", "group" or "dimension" is missing',
        ),
        ("service=checkout&metric=dora_deployments", 400, 'parameter "environment" is missing'),
        ("team=crew&environment=&metric=dora_deployments", 400, 'parameter "environment" is missing'),
        (CHECKOUT, 400, 'parameter "metric" is missing'),
        (f"{CHECKOUT}&service=cart&metric=dora_deployments", 400, 'parameter "service" is given more than once'),
        (f"{CHECKOUT}&metric=dora_incidents&metric=x", 400, 'parameter "metric" is given more than once'),
        (f"{CHECKOUT}&metric=dora_team_deployments", 400, 'parameter "metric" must be one of dora_change_failure_rate'),
        (f"{CHECKOUT}&metric=dora_performance_level", 400, 'parameter "metric" must be one of dora_change_failure_rat'),
        (f"{CREW}&metric=dora_team_team_deployments", 400, 'parameter "metric" must be one of dora_change_failure_rat'),
        (f"{CREW}&metric=dora_deployments&window=2y", 400, 'parameter "window" must be one of 7d, 30d, 90d'),
        (f"{CREW}&metric=dora_deployments&window=", 400, 'parameter "window" is missing'),
        ("service=x&environment=y&metric=dora_deployments", 404, "there are no events of this service and environment"),
        ("team=x&environment=y&metric=dora_deployments", 404, "there are no events of this team and environment"),
        ("team=crew&environment=y&metric=dora_deployments", 404, "there are no events of this team and environment"),
        ("service=_other&environment=_other&metric=dora_deployments", 404, '"_other" is the sum of all beyond limits'),
        (
            "team=_other&environment=_other&metric=dora_deployments",
            404,
            '"_other" is the sum of all beyond limits.seri',
        ),
    ],
)
async def test_what_cannot_be_explained_is_refused_with_the_reason(
    ask: Ask, query: str, status: int, reason: str
) -> None:
    answered, answer = await ask(query)

    assert answered == status
    assert answer["errors"][0]["detail"].startswith(reason)


async def test_a_lead_time_names_the_repository_that_nobody_has(aiohttp_client: AiohttpClient) -> None:
    event = deployment(id="lost", repository="git.example/typo", commit_sha=SHA, finished_at=NOW_MS - HOUR_MS)
    site, access = Site([event]), Access()
    await site.engine.load(NOW_MS)

    def why_unknown(each: Deployment) -> str:
        return f"nobody has {each.repository}"

    app = web.Application()
    app.add_routes(explain.routes(engine=site.current, why_unknown=why_unknown, access=access))
    app.add_routes(explain_page.routes(engine=site.current, why_unknown=why_unknown))
    client: TestClient[web.Request, web.Application] = await aiohttp_client(app)
    for path in ("/api/v1/explain", "/explain"):
        async with client.get(f"{path}?{CHECKOUT}&metric=dora_lead_time_commits&window=7d") as answer:
            assert answer.status == 200
            assert "nobody has git.example/typo" in await answer.text()
        async with client.get(f"{path}?{CHECKOUT}&metric=dora_deployments&window=7d") as answer:
            assert "nobody has git.example/typo" not in await answer.text()


class Defective:
    """A rule that cannot judge anything."""

    needs_commits = False

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        raise RuntimeError("a defect")

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[LookupKey]) -> Iterable[Link]:
        return ()


async def test_a_series_that_cannot_be_computed_is_said_to_be_so(aiohttp_client: AiohttpClient) -> None:
    site, access = Site([deployment()], rules=(Defective(),)), Access()
    await site.engine.load(NOW_MS)
    routes = explain.routes(engine=site.current, why_unknown=lambda _: None, access=access)
    client = await aiohttp_client(application(routes=routes, operations=explain.OPERATIONS, access=access))
    async with client.get(f"/api/v1/explain?{CHECKOUT}&metric=dora_deployments") as answer:
        assert answer.status == 503
        assert "failed: see the log" in await answer.text()
