import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from dora_exporter.web import management
from dora_exporter.web.management import Reload

Client = TestClient[web.Request, web.Application]


async def client_of(aiohttp_client: AiohttpClient, *, ready: bool = True, reload: Reload | None = None) -> Client:
    app = web.Application()
    app.add_routes(management.routes(is_ready=lambda: ready, reload=reload))
    return await aiohttp_client(app)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("ready", [True, False])
async def test_the_daemon_is_healthy_while_it_answers(
    aiohttp_client: AiohttpClient, method: str, *, ready: bool
) -> None:
    client = await client_of(aiohttp_client, ready=ready)

    assert (await client.request(method, "/-/healthy")).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_the_daemon_is_ready_once_its_events_are_read(
    aiohttp_client: AiohttpClient, method: str, status: int, *, ready: bool
) -> None:
    client = await client_of(aiohttp_client, ready=ready)

    assert (await client.request(method, "/-/ready")).status == status


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_reload_reads_the_configuration_once(aiohttp_client: AiohttpClient, method: str) -> None:
    reloads: list[str] = []

    async def reload() -> None:
        reloads.append(method)

    client = await client_of(aiohttp_client, reload=reload)

    assert (await client.request(method, "/-/reload")).status == 200
    assert reloads == [method]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_bad_configuration_is_named_in_the_answer(aiohttp_client: AiohttpClient, method: str) -> None:
    async def reload() -> str:
        return "windows.0: must be a duration"

    client = await client_of(aiohttp_client, reload=reload)
    answer = await client.request(method, "/-/reload")

    assert answer.status == 500
    assert "windows.0: must be a duration" in await answer.text()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_reload_is_refused_unless_it_was_enabled(aiohttp_client: AiohttpClient, method: str) -> None:
    client = await client_of(aiohttp_client)
    answer = await client.request(method, "/-/reload")

    assert answer.status == 403
    assert "--web.enable-lifecycle" in await answer.text()


async def test_looking_at_the_reload_is_not_reloading(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client)

    assert (await client.get("/-/reload")).status == 405
