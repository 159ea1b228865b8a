import asyncio
import gzip
import json
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Iterable
from io import BytesIO
from typing import Any

import pytest
from tests.web.conftest import MakeApi
from tests.web.running import NOW, Api, deployment, incident

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.records import Batch
from dora_exporter.web.server.limits import Rules

PATH = "/api/v1/events"


def line(kind: str, attributes: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "attributes": attributes}).encode()


def deployments(count: int) -> list[bytes]:
    return [line("deployment", deployment(version=str(number))) for number in range(count)]


def counts(created: int = 0, updated: int = 0, unchanged: int = 0) -> dict[str, Any]:
    return {"created": created, "updated": updated, "unchanged": unchanged, "errors_total": 0, "errors": []}


async def send(api: Api, lines: Iterable[bytes], *, atomic: bool = False) -> tuple[int, Any]:
    return await api.send("POST", PATH + ("?atomic=true" if atomic else ""), data=BytesIO(b"\n".join(lines)))


@pytest.mark.parametrize("is_atomic", [False, True])
async def test_every_line_is_an_event(api: Api, *, is_atomic: bool) -> None:
    held = deployment(id="a-held-deployment")
    await api.deploy(**held)
    lines = [
        line("deployment", deployment()),
        b"",
        line("failure", incident(name="it broke")),
        line("deployment", {**held, "version": "2"}),
        b"  \r",
        line("deployment", deployment()),
    ]
    assert await send(api, lines, atomic=is_atomic) == (200, counts(created=2, updated=1, unchanged=1))
    assert len(api.store.deployments) == 2
    assert [each.name for each in api.store.incidents.values()] == ["it broke"]


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n \n"])
@pytest.mark.parametrize("query", ["", "?atomic=true"])
async def test_nothing_is_nothing(api: Api, body: bytes, query: str) -> None:
    assert await api.send("POST", PATH + query, data=body) == (200, counts())
    assert api.log.records == []


_RESERVED = 'must not be "_other", which is reserved for the series beyond the limit'
BAD_LINES = [
    (b"{", "the body is not JSON: Input data was truncated"),
    (b"[]", 'error decoding attribute "body": invalid type array, expected object'),
    (b"{}", 'attribute "type" is required'),
    (b'{"type": "incident"}', 'attribute "type" must be "deployment" or "failure"'),
    (b'{"type": "failure"}', 'attribute "attributes" is required'),
    (line("deployment", {}), 'attribute "service" is required'),
    (line("deployment", deployment(service="")), 'attribute "service" must not be empty'),
    (line("failure", incident(services=None)), 'attribute "services" or team is required'),
    (line("deployment", deployment(started_at=0)), 'attribute "started_at" is before the year 2000'),
    (line("deployment", deployment(started_at=0, finished_at=0)), 'attribute "started_at" is before the year 2000'),
    (line("failure", incident(started_at=10**11)), 'attribute "started_at" is before the year 2000'),
    (line("deployment", deployment(service="_other")), f'attribute "service" {_RESERVED}'),
    (line("deployment", deployment(team="_other")), f'attribute "team" {_RESERVED}'),
    (line("deployment", deployment(env="_other")), f'attribute "env" {_RESERVED}'),
    (line("failure", incident(services=["_other"])), f'attribute "services" {_RESERVED}'),
]


async def test_valid_lines_are_stored_and_the_others_named(api: Api) -> None:
    lines = [each for bad, _ in BAD_LINES for each in (bad, *deployments(1))]
    errors = [{"detail": detail, "line": 2 * index + 1} for index, (_, detail) in enumerate(BAD_LINES)]
    expected = {**counts(created=1, unchanged=len(BAD_LINES) - 1), "errors_total": len(BAD_LINES), "errors": errors}
    assert await send(api, lines) == (200, expected)


@pytest.mark.parametrize("event_id", ["1", "INC-42", "a" * 128])
async def test_ids_may_be_short(api: Api, event_id: str) -> None:
    lines = [line("deployment", deployment(id=event_id)), line("failure", incident(id=event_id))]
    assert await send(api, lines) == (200, counts(created=2))
    assert (list(api.store.deployments), list(api.store.incidents)) == ([event_id], [event_id])


@pytest.mark.parametrize("event_id", ["", "a" * 129, "INC 42", "INC/42", "ä", "a\n"])
async def test_other_ids_are_refused(api: Api, event_id: str) -> None:
    problem = 'attribute "id" must be 1 to 128 characters of A-Z a-z 0-9 - _ . :'
    for kind, attributes in (("deployment", deployment(id=event_id)), ("failure", incident(id=event_id))):
        _, answer = await send(api, [line(kind, attributes)])
        assert answer["errors"] == [{"detail": problem, "line": 1}]


async def test_a_line_that_needs_a_closer_look_among_many_plain_ones_is_found(api: Api) -> None:
    lines = deployments(1000)
    lines[123] = line("deployment", deployment(version="schön"))
    lines[700] = line("deployment", deployment(service=""))
    lines[701] = b""
    status, answer = await send(api, lines)
    assert (status, answer["created"]) == (200, 998)
    assert answer["errors"] == [{"detail": 'attribute "service" must not be empty', "line": 701}]
    versions = [each.version for each in api.store.deployments.values()]
    assert versions == [*map(str, range(123)), "schön", *map(str, range(124, 700)), *map(str, range(702, 1000))]


async def test_only_the_first_hundred_errors_are_shown(api: Api) -> None:
    _, answer = await send(api, [b"{}"] * 1234)
    assert (answer["errors_total"], len(answer["errors"]), answer["errors"][-1]["line"]) == (1234, 100, 100)


async def test_a_body_of_nothing_but_errors_is_not_read_to_its_end(api: Api) -> None:
    status, answer = await send(api, [*[b"{}"] * 6000, *[b""] * 3998, *deployments(3), *[b""] * 3, *deployments(3)])
    assert (status, answer["created"], answer["errors_total"]) == (400, 3, 6001)
    assert answer["errors"][-1]["detail"] == "more than 10000 lines are invalid or empty"


async def test_all_or_none_is_one_record(api: Api) -> None:
    assert await send(api, deployments(1200), atomic=True) == (200, counts(created=1200))
    (record,) = api.log.records
    assert isinstance(record, Batch)
    assert [each.version for each in record.records if isinstance(each, Deployment)] == [*map(str, range(1200))]


async def test_one_bad_line_spoils_all_or_none(api: Api) -> None:
    status, answer = await send(api, [*deployments(3), b"{}"], atomic=True)
    assert (status, answer["created"], answer["errors_total"]) == (400, 0, 2)
    assert answer["errors"][0] == {"detail": 'attribute "type" is required', "line": 4}
    assert answer["errors"][1]["detail"] == "nothing is stored: the request is atomic and a line is invalid"
    assert api.log.records == []


@pytest.mark.parametrize("value", ["", "yes", "1", "true&atomic=false"])
async def test_atomic_is_true_or_false(api: Api, value: str) -> None:
    status, answer = await api.send("POST", f"{PATH}?atomic={value}")
    assert (status, answer["errors"][0]["detail"]) == (400, 'attribute "atomic" must be true or false')


async def test_all_or_none_is_capped(make_api: MakeApi) -> None:
    api = await make_api(rules=Rules(max_atomic_events=3, max_atomic_bytes=2000))
    assert (await send(api, deployments(3), atomic=True))[0] == 200
    status, answer = await send(api, deployments(4), atomic=True)
    assert (status, answer["errors"][-1]["detail"]) == (400, "must not have more than 3 events when atomic")
    status, answer = await send(api, [b" " * 2001], atomic=True)
    assert (status, answer["errors"][-1]["detail"]) == (400, "must not be longer than 2000 bytes when atomic")
    assert len(api.log.records) == 1


async def test_a_long_body_goes_to_the_log_in_groups(api: Api) -> None:
    assert await send(api, deployments(5000)) == (200, counts(created=5000))
    assert len(api.log.groups) < 15
    assert max(api.log.groups) < 2000
    assert [each.version for each in api.store.deployments.values()] == [*map(str, range(5000))]


async def in_chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_lines_may_be_cut_anywhere(api: Api, size: int) -> None:
    body = b"\n".join(deployments(5))
    assert await api.send("POST", PATH, data=in_chunks(body, size)) == (200, counts(created=5))


async def test_lines_are_stored_while_the_body_comes_in(api: Api) -> None:
    first, *others = deployments(600), *deployments(0)
    assert not others
    stored = asyncio.Event()
    api.store.observers.add(lambda _: stored.set())

    async def body() -> AsyncIterator[bytes]:
        yield b"\n".join(first) + b"\n"
        await stored.wait()

    assert await api.send("POST", PATH, data=body()) == (200, counts(created=600))


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
@pytest.mark.parametrize("query", ["", "?atomic=true"])
async def test_the_body_may_be_gzip(api: Api, encoding: str, query: str) -> None:
    lines = deployments(500)
    body = b"".join(gzip.compress(each + b"\n") for each in lines)
    headers = {"Content-Encoding": encoding}
    assert await api.send("POST", PATH + query, data=body, headers=headers) == (200, counts(created=500))


async def test_what_came_before_a_broken_gzip_is_stored(api: Api) -> None:
    body = gzip.compress(b"\n".join(deployments(100)) + b"\n")[:-8]
    status, answer = await api.send("POST", PATH, data=body, headers={"Content-Encoding": "gzip"})
    assert (status, answer["created"], answer["errors_total"]) == (400, 100, 1)
    assert answer["errors"] == [{"status": "400", "title": "Bad Request", "detail": "the gzip body ends in the middle"}]
    assert len(api.store.deployments) == 100


async def test_nothing_of_a_broken_gzip_is_stored_when_atomic(api: Api) -> None:
    body = gzip.compress(b"\n".join(deployments(100)) + b"\n")[:-8]
    headers = {"Content-Encoding": "gzip"}
    status, answer = await api.send("POST", PATH + "?atomic=true", data=body, headers=headers)
    assert (status, answer["created"], api.log.records) == (400, 0, [])


@pytest.mark.parametrize("more", [[], [b""], deployments(3)])
async def test_a_line_that_is_too_long_ends_the_request(make_api: MakeApi, more: list[bytes]) -> None:
    api = await make_api(rules=Rules(max_body_bytes=1000))
    status, answer = await send(api, [*deployments(2), b'"' + b"a" * 1000, *more])
    assert (status, answer["created"]) == (400, 2)
    assert answer["errors"][-1]["detail"] == "a line is longer than 1000 bytes"


async def test_a_log_that_refuses_ends_the_request(api: Api) -> None:
    api.log.reason = "the disk is full"
    assert (await send(api, deployments(10_000)))[0] == 503
    status, answer = await send(api, deployments(3))
    assert (status, answer["created"]) == (503, 0)
    assert answer["errors"] == [{"status": "503", "title": "Service Unavailable", "detail": "the disk is full"}]
    status, answer = await send(api, deployments(1), atomic=True)
    assert (status, answer["created"]) == (503, 0)


async def test_a_client_that_leaves_keeps_what_it_sent(api: Api) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    stored = asyncio.Event()
    api.store.observers.add(lambda _: stored.set())
    writer.write(b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    writer.write(b"\n".join(deployments(3)) + b'\n{"type": ')
    await writer.drain()
    writer.close()
    await asyncio.wait_for(stored.wait(), 5)
    assert len(api.store.deployments) == 3


async def test_the_age_of_a_held_event_does_not_matter(api: Api) -> None:
    held = deployment(id="a-held-deployment")
    await api.deploy(**held)
    api.now = NOW * 2
    assert await send(api, [line("deployment", {**held, "version": "2"})]) == (200, counts(updated=1))


@pytest.mark.parametrize("is_atomic", [False, True])
@pytest.mark.parametrize("between", [0, 700])
async def test_an_update_of_an_earlier_line_is_not_refused_for_age(api: Api, between: int, *, is_atomic: bool) -> None:
    ago = NOW // 1000 - 500 * 86_400
    begun, ended = incident(started_at=ago), incident(started_at=ago, finished_at=ago + 60)
    new = deployment(id="a-deployment-of-old")
    lines = [
        line("failure", begun),
        line("deployment", new),
        *deployments(between),
        line("failure", ended),
        line("deployment", {**new, "started_at": ago, "finished_at": ago}),
    ]
    status, answer = await send(api, lines, atomic=is_atomic)
    assert (status, answer) == (200, counts(created=2 + between, updated=2))
    assert [each.finished_at for each in api.store.incidents.values()] == [(ago + 60) * 1000]
    assert api.store.deployments["a-deployment-of-old"].finished_at == ago * 1000
    _, answer = await send(api, [line("failure", {**ended, "services": ["till"]})], atomic=is_atomic)
    assert "is older than the retention" in answer["errors"][0]["detail"]


async def test_what_came_before_broken_chunks_is_stored(make_api: MakeApi) -> None:
    api = await make_api(rules=Rules(piece_seconds=0.2))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    body = b"\n".join(deployments(3)) + b"\n"
    asked = b"Host: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(b"POST /api/v1/events HTTP/1.1\r\n" + asked)
    await reader.readuntil(b"100 Continue\r\n\r\n")
    writer.write(b"%x\r\n%b\r\nno chunk\r\n" % (len(body), body))
    head, _, answer = (await reader.readuntil(b"]}")).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(answer)["created"] == 3
    assert len(api.store.deployments) == 3


@pytest.mark.parametrize("is_atomic", [False, True])
async def test_a_byte_order_mark_costs_no_line(api: Api, *, is_atomic: bool) -> None:
    first, second, third = deployments(3)
    lines = [BOM_UTF8 + first + b"\r", second, BOM_UTF8 + third, BOM_UTF8]
    assert await send(api, lines, atomic=is_atomic) == (200, counts(created=3))


async def test_utf_16_is_called_so(api: Api) -> None:
    """Some shells write it where nothing else is asked for."""
    body = (json.dumps({"type": "deployment", "attributes": deployment()}) + "\n") * 2
    status, answer = await api.send("POST", PATH, data=body.encode("utf-16"))
    assert (status, answer["created"]) == (200, 0)
    assert {each["detail"] for each in answer["errors"]} == {"the body must be UTF-8, and it looks like UTF-16"}


async def test_a_byte_order_mark_may_come_in_pieces(api: Api) -> None:
    body = BOM_UTF8 + b"\n".join(deployments(2))
    assert await api.send("POST", PATH, data=in_chunks(body, 1)) == (200, counts(created=2))


async def test_times_may_be_rfc_3339(api: Api) -> None:
    commit = {"sha": "a" * 40, "timestamp": "2027-01-14T09:00:00+01:00"}
    given = {"started_at": "2027-01-15T07:59:59.5Z", "finished_at": "2027-01-15t09:00:00+01:00"}
    lines = [
        line("deployment", {**deployment(), **given, "commits": [commit]}),
        line("failure", {**incident(), **given, "finished_at": None}),
        line("failure", {**incident(name="two", services=["two"]), **given}),
    ]
    assert await send(api, lines) == (200, counts(created=3))
    [held] = api.store.deployments.values()
    assert (held.started_at, held.finished_at) == (NOW - 500, NOW)
    assert [each.authored_at for each in held.commits or ()] == [NOW - 86_400_000]
    assert [(each.started_at, each.finished_at) for each in api.store.incidents.values()] == [
        (NOW - 500, None),
        (NOW - 500, NOW),
    ]


TIME_OR_MOMENT = "a Unix time in seconds, milliseconds or nanoseconds, or an RFC 3339 date-time such as"


@pytest.mark.parametrize(
    ("time", "detail"),
    [
        ("2027-01-15", f'attribute "started_at" must be {TIME_OR_MOMENT}'),
        ("", f'attribute "started_at" must be {TIME_OR_MOMENT}'),
        ("1999-12-31T23:59:59Z", 'attribute "started_at" is before the year 2000'),
        ("0001-01-01T00:00:00Z", 'attribute "started_at" is before the year 2000'),
        ("2027-01-15T08:10:01Z", 'attribute "started_at" is more than 10 minutes ahead of the clock'),
        (
            True,
            f'error decoding attribute "started_at": invalid type bool, expected integer or string: {TIME_OR_MOMENT}',
        ),
    ],
)
async def test_a_wrong_time_is_named(api: Api, time: object, detail: str) -> None:
    status, answer = await send(api, [line("deployment", {**deployment(), "started_at": time})])
    assert (status, answer["errors_total"], answer["created"]) == (200, 1, 0)
    assert answer["errors"][0]["detail"].startswith(detail)
