import asyncio
import gzip
import json
from contextlib import suppress
from io import BytesIO
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders import fields
from tests.web.running import NOW, SHA, Api, deployment, incident

from dora_exporter.dora.events import Deployment
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.api.search.query import parse
from dora_exporter.web.server.errors import BadAttribute

PATHS = [
    ("POST", "/api/v2/dora/deployment"),
    ("POST", "/api/v2/dora/failure"),
    ("POST", "/api/v2/dora/deployments"),
    ("POST", "/api/v2/dora/failures"),
    ("PATCH", "/api/v2/dora/deployments/x"),
    ("PATCH", "/api/v2/dora/deployments"),
    ("POST", "/api/v1/events?atomic=true"),
    ("POST", "/api/v2/ci/deployments/correlate-image"),
    ("POST", "/api/v2/ci/deployments/correlate"),
]
EVENT = Deployment("a", "b", "c", 1, 2, tags=("a:b",))
one_api = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)

_SECONDS = NOW // 1000
_text = st.text(st.characters(), max_size=5)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)
_time = st.sampled_from([_SECONDS, NOW, NOW * 10**6, 0, -1, 10**14, 10**30]) | st.integers() | _json
_values: dict[str, st.SearchStrategy[Any]] = {
    "started_at": _time,
    "finished_at": _time,
    "service": _text | _json,
    "services": st.lists(_text, max_size=3) | _json,
    "env": _text | _json,
    "team": _text | _json,
    "version": _text | _json,
    "name": _text | _json,
    "id": st.from_regex(r"[A-Za-z0-9_.:-]{16,20}", fullmatch=True) | _json,
    "custom_tags": st.lists(_text, max_size=3) | _json,
    "git": st.fixed_dictionaries({"commit_sha": st.just(SHA) | _json, "repository_url": _text | _json}) | _json,
    "commits": st.lists(st.fixed_dictionaries({"sha": st.just(SHA) | _json, "timestamp": _time}), max_size=2) | _json,
}
_changes = st.fixed_dictionaries({}, optional=_values)


@pytest.mark.parametrize(("method", "path"), PATHS)
@one_api
@given(st.binary(max_size=200), st.sampled_from(["identity", "gzip", "deflate", "packed gzip"]))
async def test_any_bytes_are_refused(api: Api, method: str, path: str, body: bytes, encoding: str) -> None:
    if encoding == "packed gzip":
        encoding, body = "gzip", gzip.compress(body)
    status, answer = await api.send(method, path, data=body, headers={"Content-Encoding": encoding})
    assert status == 400 or (path.endswith("true") and not answer["errors"])
    assert api.log.records == []


@one_api
@given(st.sampled_from(["deployment", "failure"]), _changes)
async def test_an_event_is_kept_whole_or_refused(api: Api, kind: str, changes: dict[str, Any]) -> None:
    before = len(api.log.records)
    path = f"/api/v2/dora/{kind}"
    attributes = {**(deployment() if kind == "deployment" else incident()), **changes}
    body = json.dumps({"data": {"attributes": attributes}}).encode()
    status, answer = await api.send("POST", path, data=body)
    if status == 400:
        assert answer["errors"][0]["detail"]
        assert len(api.log.records) == before
        return
    assert status == 200
    (record,) = api.log.records[before:]
    assert fields(msgspec.json.decode(msgspec.json.encode(record), type=type(record))) == fields(record)
    assert (await api.send("GET", f"{path}s/{answer['data']['id']}"))[0] == 200


@one_api
@given(
    st.lists(st.binary(max_size=20) | st.just(json.dumps({"type": "deployment", "attributes": deployment()}).encode()))
)
async def test_every_line_of_a_bulk_body_is_accounted_for(api: Api, lines: list[bytes]) -> None:
    body = b"\n".join(lines)
    sent = sum(1 for each in body.split(b"\n") if each and not each.isspace())
    before = len(api.log.records)
    status, answer = await api.send("POST", "/api/v1/events", data=BytesIO(body))
    stored = answer["created"] + answer["updated"] + answer["unchanged"]
    assert (status, stored + answer["errors_total"]) == (200, sent)
    assert len(api.log.records) == before + stored


@given(
    st.text(st.sampled_from('ab:*?"\\() -') | st.characters(), max_size=30)
    | st.lists(st.sampled_from(["a:b", "AND", "OR", "NOT", "(", ")", "a:("])).map(" ".join)
)
async def test_any_query_is_read_or_refused(query: str) -> None:
    with suppress(BadAttribute):
        await parse(query)(EVENT, Turn())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.binary(max_size=60)
    | st.tuples(
        st.sampled_from([b"GET /", b"POST /api/v2/dora/deployment", b"POST /api/v1/events", b"DELETE /api"]),
        st.binary(max_size=10),
        st.sampled_from([b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n"]),
        st.sampled_from([b"Host: x\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 9\r\n\r\n"]),
        st.binary(max_size=20),
    ).map(b"".join)
)
async def test_any_bytes_on_the_wire_leave_it_running(api: Api, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(sent)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert (await api.send("GET", "/api/v1/validate"))[0] == 200
