"""Refused events are told in the log, one line a second at most."""

import asyncio
import json
import logging

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient
from tests.web.running import NOW, MemoryLog, deployment

from dora_exporter.app.telemetry import RejectionCounts
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.store import EventStore
from dora_exporter.web.application import application, event_routes
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.limits import CurrentRules
from dora_exporter.web.server.refusal_log import RefusalLog
from dora_exporter.web.server.rejections import counting


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    records = [record for record in caplog.records if record.name == "dora_exporter.web.server.refusal_log"]
    assert {record.levelno for record in records} <= {logging.WARNING}
    return [record.getMessage() for record in records]


def note(log: RefusalLog, detail: str, events: int = 1) -> None:
    log.note(path="/api", reason="invalid", detail=detail, sender="10.0.0.1", events=events)


async def some_turns() -> None:
    """Timers that are due fire in between."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_is_logged_at_once_and_the_others_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(seconds=0)
    for number in range(1, 6):
        note(log, f"no {number}")
    assert lines(caplog) == ["events refused path='/api' reason=invalid detail='no 1' from=10.0.0.1 not_shown=0"]
    await some_turns()
    assert lines(caplog)[1] == "events refused path='/api' reason=invalid detail='no 5' from=10.0.0.1 not_shown=3"


async def test_after_a_quiet_second_the_next_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(seconds=0)
    note(log, "one")
    await some_turns()
    note(log, "two", events=7)
    assert [line.rpartition(" detail=")[2] for line in lines(caplog)] == [
        "'one' from=10.0.0.1 not_shown=0",
        "'two' from=10.0.0.1 not_shown=6",
    ]


async def test_within_a_second_there_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    for number in range(1000):
        note(log, str(number))
    assert len(lines(caplog)) == 1


async def test_a_line_is_of_bounded_length(caplog: pytest.LogCaptureFixture) -> None:
    note(RefusalLog(), "x" * 100_000 + "\n")
    assert f"detail='{'x' * 300}' from=" in lines(caplog)[0]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (
            "/api/v2/dora/deployment",
            json.dumps({"data": {"attributes": deployment(service="")}}),
            """reason=invalid detail='attribute "service" must not be empty' from=127.0.0.1 not_shown=0""",
        ),
        ("/api/v2/dora/failure", "{", "reason=malformed detail='the body is not JSON: Input data was truncated'"),
        (
            "/api/v1/events",
            "\n".join(json.dumps({"type": "deployment", "attributes": each}) for each in (deployment(), {}, {})),
            """reason=invalid detail='line 2: attribute "service" is required' from=127.0.0.1 not_shown=1""",
        ),
    ],
)
async def test_a_request_that_is_refused_is_told(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture, path: str, body: str, said: str
) -> None:
    access, log = Access(), MemoryLog(lambda records: [Outcome.CREATED] * len(records))
    routes = event_routes(store=EventStore(), log=log, clock=lambda: NOW, rules=CurrentRules(), access=access)
    on_refusal = counting(RejectionCounts().count)
    app: web.Application = application(routes=routes, operations=(), access=access, on_refusal=on_refusal)
    client = await aiohttp_client(app)
    await client.post(path, data=body)
    [line] = lines(caplog)
    assert line.startswith(f"events refused path={path!r} {said}")
    await client.post("/api/v1/events", data=json.dumps({"type": "deployment", "attributes": deployment()}))
    assert len(lines(caplog)) == 1
