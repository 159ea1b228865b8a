"""A real Alertmanager as the sender: an alert that fires and ends, with its credentials."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from tests.e2e.programs import program
from tests.sources.account import Account, an_account

from dora_exporter.dora.events import Incident
from dora_exporter.runtime.clock import system_clock
from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.webhooks import endpoint

KEY = "key-of-an-alertmanager"
LISTENING = re.compile(rb"Listening on\"? address=127\.0\.0\.1:([1-9]\d*)")
CONFIGURATION = """
route: {{receiver: dora, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: dora
    webhook_configs:
      - url: {url}
        http_config: {{authorization: {{credentials: {key}}}}}
"""


@asynccontextmanager
async def alertmanager(folder: Path, url: str) -> AsyncIterator[str]:
    """A running Alertmanager that notifies of everything at once; gives its address."""
    configuration = folder / "alertmanager.yml"
    configuration.write_text(CONFIGURATION.format(url=url, key=KEY))
    process = await asyncio.create_subprocess_exec(
        program("prometheus-alertmanager"),
        f"--config.file={configuration}",
        f"--storage.path={folder}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            async for line in process.stderr:
                if found := LISTENING.search(line):
                    break
        assert found is not None
        draining = asyncio.create_task(process.stderr.read())
        yield f"http://127.0.0.1:{int(found[1])}"
    finally:
        process.terminate()
        await process.wait()
        await draining


class AlertHistory:
    """Waits for what the daemon holds to change."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._changed = asyncio.Event()
        account.store.observers.add(lambda _: self._changed.set())

    async def next(self) -> list[Incident]:
        async with asyncio.timeout(30):
            await self._changed.wait()
        self._changed.clear()
        return list(self._account.store.incidents.values())


async def test_a_real_alertmanager_opens_and_ends_an_incident(tmp_path: Path) -> None:
    async with an_account() as account, ClientSession() as client:
        await account.sources.configure({"am": AlertmanagerSettings()}, account.context)
        access = Access(api_keys=[KEY])
        routes = endpoint.routes(
            sources=account.sources, context=lambda: account.context, may_write=access.holds_key, clock=system_clock
        )
        told = AlertHistory(account)
        server = TestServer(application(routes=routes, operations=(), access=access))
        await server.start_server()
        async with server, alertmanager(tmp_path, str(server.make_url("/webhooks/alertmanager"))) as address:
            alert = {
                "labels": {"alertname": "Down", "service": "checkout", "environment": "production"},
                "startsAt": _now(),
            }
            await _send(client, address, alert)
            (opened,) = await told.next()
            assert (opened.services, opened.environment, opened.finished_at) == (("checkout",), "production", None)
            await _send(client, address, {**alert, "endsAt": _now()})
            (ended,) = await told.next()
            assert ended.id == opened.id
            assert ended.finished_at is not None


def _now() -> str:
    return datetime.fromtimestamp(system_clock() / 1000, UTC).isoformat()


async def _send(client: ClientSession, address: str, alert: object) -> None:
    async with client.post(f"{address}/api/v2/alerts", json=[alert]) as response:
        assert response.status == 200, await response.text()
