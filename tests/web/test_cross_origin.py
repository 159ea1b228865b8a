"""What pages of other origins may read."""

from collections.abc import Mapping

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.security.cross_origin import shared_get
from dora_exporter.web.server.errors import BadRequest

PORTAL = "https://portal.example.com"
ASKED = {"Origin": PORTAL, "Access-Control-Request-Method": "GET"}


async def ask(
    aiohttp_client: AiohttpClient, origins: list[str], method: str, path: str, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str]]:
    """The status and the headers of an answer: of a path that is read, and of one that refuses."""

    async def read(_: web.Request) -> web.Response:
        return web.Response(text="numbers")

    async def refuse(_: web.Request) -> web.Response:
        raise BadRequest("no")

    routes = [
        each
        for path, handler in (("/numbers", read), ("/no", refuse))
        for each in shared_get(path, handler, lambda: origins)
    ]
    app = application(routes=routes, operations=(), access=Access())
    async with (await aiohttp_client(app)).request(method, path, headers=headers) as answer:
        return answer.status, answer.headers


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ([PORTAL], PORTAL, PORTAL),
        (["*"], PORTAL, "*"),
        ([PORTAL], "https://elsewhere.example.com", None),
        ([], PORTAL, None),
    ],
)
async def test_a_page_of_a_listed_origin_may_read_answers_and_refusals(
    aiohttp_client: AiohttpClient, origins: list[str], origin: str, allowed: str | None
) -> None:
    for path, status in (("/numbers", 200), ("/no", 400)):
        answered, headers = await ask(aiohttp_client, origins, "GET", path, {"Origin": origin})

        assert answered == status
        assert headers.get("Access-Control-Allow-Origin") == allowed
        assert headers.get("Vary") == ("Origin" if origins else None)


async def test_a_browser_may_send_a_key(aiohttp_client: AiohttpClient) -> None:
    status, headers = await ask(aiohttp_client, [PORTAL], "OPTIONS", "/numbers", ASKED)

    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == PORTAL
    assert "DD-API-KEY" in headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("origins", [[], ["https://elsewhere.example.com"]])
async def test_others_are_not_told_that_they_may(aiohttp_client: AiohttpClient, origins: list[str]) -> None:
    status, headers = await ask(aiohttp_client, origins, "OPTIONS", "/numbers", ASKED)

    assert status == 204
    assert not [name for name in headers if name.startswith("Access-Control")]
