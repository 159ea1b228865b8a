import asyncio
from typing import Any

import pytest
from tests.web.running import NOW, Api

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.runtime.clock import stopwatch

DAY = 86_400_000


def hold(api: Api, *events: Deployment | Incident) -> None:
    for event in events:
        api.store.apply(event)


def at(moment: int, name: str, *, finished_at: int | None = None) -> Deployment:
    return Deployment(name, "checkout", "prod", moment, moment if finished_at is None else finished_at)


async def test_the_newest_ten_come_without_any_wish(api: Api) -> None:
    hold(api, *(at(NOW - number, f"d{number:02}") for number in range(12)))
    assert await api.list_deployments() == [f"d{number:02}" for number in range(10)]
    assert len(await api.list_deployments(limit=11)) == 11


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, "cba"),
        ("started_at", "abc"),
        ("-started_at", "cba"),
        ("finished_at", "bca"),
        ("-finished_at", "acb"),
    ],
)
async def test_the_order_is_as_wished(api: Api, sort: str | None, order: str) -> None:
    hold(api, at(1, "a", finished_at=9), at(2, "b", finished_at=3), at(3, "c", finished_at=4))
    assert await api.list_deployments(sort=sort) == list(order)


async def test_what_is_open_finishes_last(api: Api) -> None:
    hold(api, Incident("open", ("a",), "prod", 1), Incident("closed", ("a",), "prod", 2, 3))
    assert await api.list_failures(sort="finished_at") == ["closed", "open"]
    assert await api.list_failures(sort="-finished_at") == ["open", "closed"]


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ({"from": "2027-01-15T08:00:00Z"}, "bc"),
        ({"to": "2027-01-15T08:00:00Z"}, "ab"),
        ({"from": "2027-01-15T08:00:00Z", "to": "2027-01-15T08:00:00Z"}, "b"),
        ({"from": "2027-01-15T10:00:00+02:00"}, "bc"),
        ({"from": "2027-01-15t08:00:00.001z"}, "c"),
        ({"from": "2027-01-15T08:00:00.0001Z"}, "c"),
        ({"from": "2027-01-15T08:00:00.000000001Z"}, "c"),
        ({"to": "2027-01-15T07:59:59.999999999Z"}, "a"),
        ({"from": None, "to": None, "query": None, "sort": None, "limit": None}, "abc"),
        ({"from": "0001-01-01T00:00:00+23:59", "to": "9999-12-31T23:59:59-23:59"}, "abc"),
    ],
)
async def test_the_window_is_of_the_start_and_takes_both_borders(api: Api, wish: dict[str, str], found: str) -> None:
    hold(api, at(NOW - 1, "a", finished_at=NOW + DAY), at(NOW, "b"), at(NOW + 1, "c"))
    assert await api.list_deployments(sort="started_at", **{k: v for k, v in wish.items() if k != "sort"}) == list(
        found
    )


_MOMENT = "must be an RFC 3339 date-time such as 2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        (
            {"from": 5},
            'error decoding attribute "from": invalid type number, expected string or null: an'
            + _MOMENT.removeprefix("must be an"),
        ),
        ({"from": "yesterday"}, f'attribute "from" {_MOMENT}'),
        ({"from": "2027-01-15"}, f'attribute "from" {_MOMENT}'),
        ({"to": "2027-01-15T08:00:00"}, f'attribute "to" {_MOMENT}'),
        ({"to": "2027-13-15T08:00:00Z"}, f'attribute "to" {_MOMENT}'),
        ({"to": "2027-01-15T08:00:00+99:00"}, f'attribute "to" {_MOMENT}'),
        ({"limit": 0}, 'attribute "limit" must be between 1 and 1000'),
        ({"limit": 1001}, 'attribute "limit" must be between 1 and 1000'),
        ({"limit": "5"}, 'error decoding attribute "limit": invalid type string, expected integer or null'),
        (
            {"sort": "service"},
            'attribute "sort" must be one of "started_at -started_at finished_at -finished_at"',
        ),
        (
            {"sort": "--started_at"},
            'attribute "sort" must be one of "started_at -started_at finished_at -finished_at"',
        ),
        ({"query": "service:("}, 'attribute "query" ends where a term is needed'),
        ({"query": "a" * 1001}, 'attribute "query" must not be longer than 1000 characters'),
    ],
)
async def test_what_is_wrong_is_named(api: Api, attributes: dict[str, Any], detail: str) -> None:
    data = {"type": "dora_deployments_list_request", "attributes": attributes}
    status, answer = await api.send("POST", "/api/v2/dora/deployments", json={"data": data})
    assert (status, answer["errors"][0]["detail"]) == (400, detail)


@pytest.mark.parametrize(
    ("path", "data", "detail"),
    [
        ("deployments", {}, 'got type "" expected one of "dora_deployments_list_request"'),
        ("deployments", {"type": None}, 'got type "" expected one of "dora_deployments_list_request"'),
        (
            "deployments",
            {"type": "dora_failures_list_request"},
            'got type "dora_failures_list_request" expected one of "dora_deployments_list_request"',
        ),
        ("failures", {}, 'got type "" expected one of "dora_failures_list_request"'),
    ],
)
async def test_the_type_is_needed(api: Api, path: str, data: dict[str, Any], detail: str) -> None:
    status, answer = await api.send("POST", f"/api/v2/dora/{path}", json={"data": data})
    assert (status, answer["errors"][0]["detail"]) == (400, detail)


async def test_unknown_fields_of_a_list_request_are_ignored(api: Api) -> None:
    assert await api.list_deployments(page={"size": 5}) == []


async def test_a_long_list_holds_up_nobody(api: Api) -> None:
    hold(api, *(at(NOW - number, f"d{number}") for number in range(100_000)))
    pauses: list[float] = []

    async def beat() -> None:
        last = stopwatch()
        while True:
            await asyncio.sleep(0)
            pauses.append(stopwatch() - last)
            last = stopwatch()

    beating = asyncio.create_task(beat())
    assert await api.list_deployments(query="version:*a* OR id:d7 OR team:(x OR y)") == ["d7"]
    beating.cancel()
    assert len(pauses) > 20
