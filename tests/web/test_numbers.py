"""``GET /api/v1/numbers``."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.web.site import Site

from dora_exporter.dora.events import DAY_MS, Commit
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.timestamps import iso
from dora_exporter.series.explanation_subject import Subject
from dora_exporter.series.numbers import Numbers, NumbersOf
from dora_exporter.web.api import numbers
from dora_exporter.web.api.schema.number_answer import encoded, of_subject
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access

EVENTS = (
    deployment(id="first", version="v1", team="crew", finished_at=NOW_MS - 40 * DAY_MS),
    deployment(id="second", version="v2", team="crew", finished_at=NOW_MS - 6 * DAY_MS),
    deployment(
        id="back",
        version="v1",
        team="crew",
        finished_at=NOW_MS - 2 * DAY_MS,
        commits=(Commit("a" * 40, NOW_MS - 3 * DAY_MS),),
    ),
    deployment(id="stage", environment="staging", finished_at=NOW_MS - DAY_MS),
    deployment(id="cart", service="cart", team="squad", finished_at=NOW_MS - DAY_MS),
    incident(id="outage", services=("cart", "checkout"), started_at=NOW_MS - 5 * HOUR_MS, team="crew"),
)
CHECKOUT = "service=checkout&environment=production"

Ask = Callable[[str], Awaitable[tuple[int, Any]]]


@pytest.fixture
async def ask(aiohttp_client: AiohttpClient) -> Ask:
    """Asks for numbers."""
    site, access = Site(EVENTS), Access()
    await site.engine.load(NOW_MS)
    app = application(
        routes=numbers.routes(engine=site.current, access=access, url="/dora"),
        operations=numbers.OPERATIONS,
        access=access,
    )
    client: TestClient[web.Request, web.Application] = await aiohttp_client(app)

    async def asking(query: str) -> tuple[int, Any]:
        async with client.get(f"/api/v1/numbers?{query}") as answer:
            return answer.status, json.loads(await answer.text())

    return asking


async def test_without_a_range_the_numbers_are_those_of_the_gauges(ask: Ask) -> None:
    status, answer = await ask(CHECKOUT)

    assert status == 200
    (found,) = answer["results"]
    assert {name: value for name, value in found.items() if name != "numbers"} == {
        "service": "checkout",
        "environment": "production",
        "tier": "production",
        "explain": f"/dora/explain?{CHECKOUT}",
    }
    assert [each["window"] for each in found["numbers"]] == ["7d", "30d", "90d"]
    week = found["numbers"][0]
    assert (week["after"], week["until"], week["partial"]) == (iso(NOW_MS - 7 * DAY_MS), iso(NOW_MS), False)
    values = week["values"]
    assert values["dora_deployments"] == 2
    assert values["dora_deployment_frequency_per_day"] == 2 / 7
    assert values["dora_change_failure_rate"] == 1
    assert values["dora_change_failures"] == {"verdict": 0, "rollback": 1, "revert": 0, "rule": 0, "incident": 1}
    assert values["dora_change_lead_time_seconds"] == {
        "mean": 86_400.0,
        "median": 86_400.0,
        "p90": 86_400.0,
        "samples": 1,
    }
    assert values["dora_time_to_restore_seconds"] == {"mean": None, "median": None, "p90": None, "samples": 0}
    assert values["dora_open_incidents"] == 1


async def test_a_ratio_without_a_denominator_is_null(ask: Ask) -> None:
    _, answer = await ask(f"{CHECKOUT}&window=1h&metric=dora_change_failure_rate&metric=dora_deployments")

    assert answer["results"][0]["numbers"][0]["values"] == {"dora_change_failure_rate": None, "dora_deployments": 0}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [("cart", "production"), ("checkout", "production"), ("checkout", "staging")]),
        ("environment=staging", [("checkout", "staging")]),
        ("tier=staging", [("checkout", "staging")]),
        ("tier=other", []),
        ("by=team", [("crew", "production"), ("squad", "production")]),
        ("team=crew", [("crew", "production")]),
        ("team=crew&by=service", [("checkout", "production")]),
        ("limit=2", [("cart", "production"), ("checkout", "production")]),
        ("limit=2&page=2", [("checkout", "staging")]),
        ("page=3", []),
    ],
)
async def test_there_is_one_result_for_each_service_or_team(ask: Ask, query: str, found: list[tuple[str, str]]) -> None:
    status, answer = await ask(query)

    assert status == 200
    assert [(each.get("service") or each["team"], each["environment"]) for each in answer["results"]] == found


@pytest.mark.parametrize("kind", ["team", "group"])
async def test_a_gauge_may_be_named_as_that_of_teams_and_groups(ask: Ask, kind: str) -> None:
    _, answer = await ask(f"team=crew&window=7d&metric=dora_{kind}_deployments")

    assert answer["results"][0]["numbers"][0]["values"] == {"dora_deployments": 2}


@pytest.mark.parametrize(
    "text", ["{seconds}", "{date}T{time}Z", "{date}T{time}%2B00:00", "{date} {time}", "{date}t{time}z"]
)
async def test_a_bound_is_unix_seconds_or_a_date_time(ask: Ask, text: str) -> None:
    first_ms = NOW_MS - 3 * DAY_MS
    date, time = iso(first_ms).removesuffix("Z").split("T")
    first = text.format(seconds=first_ms // 1000, date=date, time=time)
    status, answer = await ask(f"{CHECKOUT}&from={first}&metric=dora_deployments")

    assert (status, answer["results"][0]["numbers"][0]["window"]) == (200, "3d")


async def test_a_range_without_a_step_is_one_window(ask: Ask) -> None:
    _, answer = await ask(f"{CHECKOUT}&from={(NOW_MS - 3 * DAY_MS) // 1000}&metric=dora_deployments")

    (found,) = answer["results"][0]["numbers"]
    assert (found["window"], found["values"]) == ("3d", {"dora_deployments": 1})


async def test_a_step_gives_each_instant_what_was_known_then_or_is_known_now(ask: Ask) -> None:
    first, last = (NOW_MS - 4 * DAY_MS) // 1000, NOW_MS // 1000
    asked = f"{CHECKOUT}&from={first}&to={last}&step=2d&window=7d&metric=dora_failed_deployments"
    then, now = [(await ask(f"{asked}{known}"))[1] for known in ("", "&known=now")]

    assert (then["known"], now["known"]) == ("then", "now")
    until = [iso(NOW_MS - days * DAY_MS) for days in (4, 2, 0)]
    assert [each["until"] for each in then["results"][0]["numbers"]] == until
    failed = [
        [each["values"]["dora_failed_deployments"] for each in answer["results"][0]["numbers"]]
        for answer in (then, now)
    ]
    assert failed == [[0, 1, 2], [1, 2, 2]]


async def test_what_is_not_known_at_an_instant_is_left_out_of_it(ask: Ask) -> None:
    asked = f"service=cart&to={(NOW_MS - 9 * DAY_MS) // 1000}"

    assert (await ask(asked))[1]["results"][0]["numbers"] == []


@pytest.mark.parametrize(("window", "is_partial"), [("400d", False), ("401d", True)])
async def test_a_range_behind_what_is_held_is_partial(ask: Ask, window: str, *, is_partial: bool) -> None:
    _, answer = await ask(f"{CHECKOUT}&window={window}")

    assert answer["results"][0]["numbers"][0]["partial"] is is_partial


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("service=a&team=b", 400, 'parameters "service" and "team" exclude each other'),
        ("service=a&by=team", 400, 'parameter "by" must be service where "service" is given'),
        ("service=a&service=b", 400, 'parameter "service" is given more than once'),
        ("tier=best", 400, 'parameter "tier" must be one of production, staging'),
        ("metric=dora_nothing", 400, 'parameter "metric" must be one of dora_change_failure_rate'),
        ("window=long", 400, 'parameter "window" must be a duration such as 30s, 5m, 12h or 90d'),
        ("from=yesterday", 400, 'parameter "from" is not a time such as'),
        ("from=1969-01-01", 400, 'parameter "from" must not be before 1970'),
        ("from=2020-01-02&to=2020-01-01", 400, 'parameter "from" must be before "to"'),
        ("from=2020-01-02&to=2020-01-01&step=1d", 400, 'parameter "from" must not be after "to"'),
        ("to=2999-01-01", 400, 'parameter "to" must not be in the future'),
        ("step=1d", 400, 'parameter "step" needs "from"'),
        ("from=2020-01-01&window=7d", 400, 'parameters "from" and "window" need "step"'),
        ("from=2001-01-01&step=1h", 400, 'parameter "step" makes '),
        ("limit=0", 400, 'parameter "limit" must be a number from 1 to 500'),
        ("page=x", 400, 'parameter "page" must be a number from 1 to 1000000'),
        ("sevice=checkout", 400, 'parameter "sevice" is unknown, did you mean service?'),
        ("service=checkout&enviroment=production", 400, 'parameter "enviroment" is unknown, did you mean environment?'),
        ("_=1", 400, 'parameter "_" is unknown'),
        ("known=never", 400, 'parameter "known" must be one of then, now'),
        ("service=nobody", 404, "there are no events of this service and environment"),
        ("team=crew&environment=nowhere", 404, "there are no events of this team and environment"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_the_reason(
    ask: Ask, query: str, status: int, reason: str
) -> None:
    answered, answer = await ask(query)

    assert answered == status
    assert answer["errors"][0]["detail"].startswith(reason)


async def test_an_answer_has_a_largest_size(ask: Ask) -> None:
    query = "&".join(f"window={hours}h" for hours in range(1, 4)) + f"&from={NOW_MS // 1000 - 900 * 3600}&step=1h"
    status, answer = await ask(query)

    assert status == 400
    assert answer["errors"][0]["detail"].startswith("3 results with 2,703 windows each are more than the 5,000")


async def test_a_key_is_asked_for_where_keys_are_configured(aiohttp_client: AiohttpClient) -> None:
    site, access = Site(EVENTS), Access(read_keys=["to read"])
    await site.engine.load(NOW_MS)
    routes = numbers.routes(engine=site.current, access=access)
    client = await aiohttp_client(application(routes=routes, operations=numbers.OPERATIONS, access=access))

    for headers, status in (({}, 403), ({"DD-API-KEY": "to read"}, 200)):
        async with client.get("/api/v1/numbers", headers=headers) as answer:
            assert answer.status == status


_VALUES = st.sampled_from(
    ["", "0", "1", "7d", "1s", "9999y", "production", "crew", "service", "team", "now", "1700000000", "2026-01-01"]
) | st.text(max_size=6)
_NAMES = [each.name for each in numbers.NUMBERS.parameters]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(_NAMES), _VALUES), max_size=6))
async def test_any_parameters_are_answered_or_refused(ask: Ask, given_: list[tuple[str, str]]) -> None:
    status, answer = await ask(urlencode(given_, errors="replace"))

    assert status in {200, 400, 404}
    assert ("results" in answer) is (status == 200)


async def test_the_many_windows_of_one_service_are_encoded_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    windows = [
        Numbers(Window("7d", 7 * DAY_MS, NOW_MS + each), is_partial=False, values={"dora_deployments": each})
        for each in range(9)
    ]
    found = NumbersOf(Subject("service", "checkout", "production"), "production", windows)
    encoding = asyncio.create_task(encoded(found, "/dora"))
    turns = 0
    while not encoding.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > len(windows)
    assert bytes(encoding.result()) == msgspec.json.encode(of_subject(found, "/dora"))


async def test_twenty_windows_are_answered_and_more_refused(ask: Ask) -> None:
    windows = [("window", f"{each}h") for each in range(1, 22)]
    status, answer = await ask(urlencode(windows[:20]))
    assert (status, len(answer["results"][0]["numbers"])) == (200, 20)
    status, answer = await ask(urlencode(windows))
    assert (status, answer["errors"][0]["detail"]) == (400, 'parameter "window" is given more than 20 times')
