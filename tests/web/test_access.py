from contextlib import nullcontext

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from tests.web.conftest import MakeApi
from tests.web.running import Api, deployment

from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server.errors import Forbidden

FORBIDDEN = (403, {"errors": ["Forbidden"]})
CREATE = "/api/v2/dora/deployment"
LIST = "/api/v2/dora/deployments"


@pytest.fixture
async def closed(make_api: MakeApi) -> Api:
    return await make_api(api_keys=["writer", "other writer"], read_keys=["reader"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"DD-API-KEY": "writer"}, 200),
        ({"DD-API-KEY": "other writer"}, 200),
        ({"DD-API-KEY": "wrong"}, 403),
        ({"DD-API-KEY": "writer "}, 200),  # the header's own white space
        ({"DD-API-KEY": "WRITER"}, 403),
        ({"DD-API-KEY": "reader"}, 403),
        ({"DD-API-KEY": ""}, 403),
        ({"DD-APPLICATION-KEY": "writer"}, 200),
        ({"Authorization": "Bearer writer"}, 200),
        ({"Authorization": "bearer writer"}, 200),
        ({"Authorization": "Bearer wrong"}, 403),
        ({"Authorization": "Basic d3JpdGVyOg=="}, 403),
        ({"DD-API-KEY": "writer", "DD-APPLICATION-KEY": ""}, 200),
        ({"DD-API-KEY": "writer", "DD-APPLICATION-KEY": "reader"}, 200),
        ({"DD-API-KEY": "writer", "DD-APPLICATION-KEY": "wrong"}, 403),
        ({"DD-API-KEY": "writer", "Authorization": "Bearer wrong"}, 403),
        ({"DD-API-KEY": "k\u00e9y"}, 403),
    ],
)
async def test_a_write_needs_a_key_that_writes_and_no_wrong_one(
    closed: Api, headers: dict[str, str], status: int
) -> None:
    answered, _ = await closed.send("POST", CREATE, headers=headers, json={"data": {"attributes": deployment()}})
    assert answered == status
    assert len(closed.store.deployments) == (status == 200)


@pytest.mark.parametrize("key", ["reader", "writer"])
async def test_both_kinds_of_keys_read(closed: Api, key: str) -> None:
    asked = {"data": {"type": "dora_deployments_list_request", "attributes": {}}}
    assert await closed.send("POST", LIST, headers={"DD-API-KEY": key}, json=asked) == (200, {"data": []})
    assert await closed.send("GET", "/api/v1/validate", headers={"DD-API-KEY": key}) == (200, {"valid": True})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v2/dora/deployment"),
        ("POST", "/api/v2/dora/failure"),
        ("POST", "/api/v2/dora/incident"),
        ("POST", "/api/v2/dora/deployments"),
        ("POST", "/api/v2/dora/failures"),
        ("GET", "/api/v2/dora/deployments/x"),
        ("GET", "/api/v2/dora/failures/x"),
        ("PATCH", "/api/v2/dora/deployments/x"),
        ("PATCH", "/api/v2/dora/deployments"),
        ("DELETE", "/api/v2/dora/deployment/x"),
        ("DELETE", "/api/v2/dora/failure/x"),
        ("GET", "/api/v1/validate"),
        ("POST", "/api/v1/events"),
    ],
)
async def test_a_wrong_key_is_forbidden_whatever_is_sent(closed: Api, method: str, path: str) -> None:
    headers = {"DD-API-KEY": "wrong", "Content-Encoding": "gzip"}
    assert await closed.send(method, path, headers=headers, data=b"not gzip") == FORBIDDEN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v2/dora/deployment"),
        ("POST", "/api/v2/dora/failure"),
        ("POST", "/api/v2/dora/incident"),
        ("PATCH", "/api/v2/dora/deployments/x"),
        ("PATCH", "/api/v2/dora/deployments"),
        ("DELETE", "/api/v2/dora/deployment/x"),
        ("DELETE", "/api/v2/dora/failure/x"),
        ("POST", "/api/v1/events"),
    ],
)
async def test_a_read_key_does_not_write(closed: Api, method: str, path: str) -> None:
    assert await closed.send(method, path, headers={"DD-API-KEY": "reader"}) == FORBIDDEN


@pytest.mark.parametrize("headers", [{}, {"DD-API-KEY": "any"}, {"Authorization": "Bearer any"}])
async def test_without_configured_keys_everybody_passes(api: Api, headers: dict[str, str]) -> None:
    assert await api.send("GET", "/api/v1/validate", headers=headers) == (200, {"valid": True})


async def test_replaced_keys_hold_from_then_on(closed: Api) -> None:
    closed.access.replace(api_keys=["new"], read_keys=[])
    assert await closed.send("GET", "/api/v1/validate", headers={"DD-API-KEY": "writer"}) == FORBIDDEN
    assert await closed.send("GET", "/api/v1/validate", headers={"DD-API-KEY": "new"}) == (200, {"valid": True})


def test_one_key_closes_the_api() -> None:
    assert not Access().is_closed
    assert Access(read_keys=["reader"]).is_closed


def request(headers: dict[str, str], path: str = "/") -> web.Request:
    return make_mocked_request("GET", path, headers=headers)


@pytest.mark.parametrize(
    ("headers", "holds"),
    [
        ({}, False),
        ({"DD-API-KEY": "reader"}, True),
        ({"Authorization": "Bearer writer"}, True),
        ({"DD-API-KEY": "writer", "Authorization": "Bearer wrong"}, False),
    ],
)
def test_a_request_holds_a_key_if_all_that_it_brings_are_valid(headers: dict[str, str], *, holds: bool) -> None:
    assert Access(api_keys=["writer"], read_keys=["reader"]).holds_key(request(headers)) is holds
    assert not Access().holds_key(request(headers))


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ("api_key=writer&application_key=", True),
        ("application_key=writer", True),
        ("api_key=wrong", False),
        ("api_key=writer&application_key=wrong", False),
        ("api_key=reader", False),
        ("", False),
    ],
)
def test_a_key_may_be_in_the_query_where_that_is_said(query: str, *, passes: bool) -> None:
    access = Access(api_keys=["writer"], read_keys=["reader"])
    asking = request({}, f"/api/v1/series?{query}")
    with nullcontext() if passes else pytest.raises(Forbidden):
        access.check(asking, Right.WRITE, key_in_query=True)
    assert access.holds_key(asking, key_in_query=True) == (passes or query == "api_key=reader")
    assert not access.holds_key(asking)
    with pytest.raises(Forbidden):
        access.check(asking, Right.WRITE)
