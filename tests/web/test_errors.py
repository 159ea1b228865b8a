from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.web.application import application, runner
from dora_exporter.web.security.api_keys import Access


def failing(error: Exception) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        raise error

    return handler


@web.middleware
async def marking(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers["X-Mark"] = "seen"
    return response


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """A client of an application whose handlers fail."""
    routes = [
        web.get("/api/defect", failing(ZeroDivisionError("secret"))),
        web.get("/api/large", failing(web.HTTPRequestEntityTooLarge(5))),
        web.get("/large", failing(web.HTTPRequestEntityTooLarge(5))),
        web.get("/api/full", failing(Unavailable("the disk is full"))),
        web.get("/api/silent", failing(Unavailable())),
        web.get("/moved", failing(web.HTTPFound("/elsewhere"))),
        web.get("/login", failing(web.HTTPUnauthorized(headers={"WWW-Authenticate": "Basic"}))),
    ]
    serving = runner(application(routes=routes, operations=(), access=Access(), middlewares=[marking]))
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{serving.addresses[0][1]}") as session:
        yield session
    await serving.cleanup()


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/api/large", 400, "the request body is too long"),
        ("/large", 413, "the request body is too long"),
        ("/api/full", 503, "the disk is full"),
        ("/api/silent", 503, "the event log does not accept writes now"),
        ("/prefix/api/v2/dora/deployment", 400, "there is no such path"),
        ("/api/nothing", 400, "there is no such path"),
        ("/nothing", 404, "there is no such path"),
    ],
)
async def test_a_failure_has_its_status_and_reason(client: ClientSession, path: str, status: int, detail: str) -> None:
    response = await client.get(path)
    assert response.status == status
    assert response.content_type == "application/json"
    assert "Server" not in response.headers
    answer = await response.json()
    assert answer["errors"][0]["detail"] == detail
    assert answer["errors"][0]["status"] == str(status)


async def test_a_defect_is_logged_and_not_shown(client: ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    response = await client.get("/api/defect?api_key=secret")
    assert response.status == 500
    assert "secret" not in await response.text()
    (record,) = caplog.records
    assert record.getMessage() == "request failed method=GET path='/api/defect'"


async def test_the_answers_of_other_modules_pass(client: ClientSession) -> None:
    assert (await client.get("/login")).headers["WWW-Authenticate"] == "Basic"
    assert (await client.get("/moved", allow_redirects=False)).status == 302


async def test_further_middlewares_run_inside(client: ClientSession) -> None:
    assert "X-Mark" not in (await client.get("/api/full")).headers
    assert (await client.get("/openapi.json")).headers["X-Mark"] == "seen"


async def test_head_is_get_without_a_body(client: ClientSession) -> None:
    response = await client.head("/openapi.json")
    assert (response.status, await response.read()) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "PROPFIND"])
async def test_a_wrong_method_is_told_which_ones_there_are(client: ClientSession, method: str) -> None:
    response = await client.request(method, "/large")
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    answer = await response.json()
    assert answer["errors"][0]["detail"] == f"{method} is not possible on this path: it knows GET, HEAD"


async def test_a_wrong_method_of_the_api_is_a_bad_request(client: ClientSession) -> None:
    response = await client.post("/api/large")
    assert (response.status, "Allow" in response.headers) == (400, False)
