"""The daemon as a process of its own, killed with ``kill -9`` in the middle of a history and started again."""

import json
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.daemon import Daemon, RunningDaemon
from tests.machine import saying
from tests.machine.facts import Terms
from tests.machine.faults import Faults
from tests.machine.gauges import Sample
from tests.machine.site import Reply, read

from dora_exporter.runtime.clock import system_clock


class KilledSite:
    """What acts need of a site, with the real clock: nothing may lie near the border of a window."""

    def __init__(self, folder: Path, terms: Terms) -> None:
        """Starts the process."""
        self.terms = terms
        self.clock = system_clock
        self.faults = Faults()
        self._daemon = Daemon(folder, settings=saying.settings(terms))
        self._life = ExitStack()
        self._running: RunningDaemon = self._life.enter_context(self._daemon.running())

    async def restart(self) -> None:
        """It ends as it is told to, and begins again."""
        assert self._running.process.stop() == 0
        self._begin()

    async def crash(self, torn: bytes = b"") -> None:
        """It is killed, perhaps within a write, and begins again."""
        self._running.process.kill()
        with self._daemon.snapshot.open("ab") as file:
            file.write(torn)
        self._begin()

    def close(self) -> None:
        """Ends it."""
        self._life.close()

    async def ask(self, method: str, path: str, body: object = None, **query: str) -> Reply:
        """One request."""
        target = f"{path}?{urlencode(query)}" if query else path
        answer = self._running.request(method, target, b"" if body is None else json.dumps(body).encode())
        assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, (method, path, answer)
        is_json = answer.body.startswith(b"{")
        return Reply(answer.status, answer.json() if is_json else answer.body.decode())

    async def bulk(self, lines: list[dict[str, object]]) -> Reply:
        """Many events at once."""
        body = "".join(f"{json.dumps(each)}\n" for each in lines)
        answer = self._running.request("POST", "/api/v1/events", body.encode())
        return Reply(answer.status, answer.json())

    async def scrape(self) -> dict[Sample, float]:
        """What ``/metrics`` shows of the events."""
        samples = read((await self.ask("GET", "/metrics")).body)
        return {key: value for key, value in samples if not key[0].startswith("dora_exporter_")}

    def withdraw(self, _id: str) -> None:
        """There is no upstream."""

    def _begin(self) -> None:
        self._life.close()
        self._running = self._life.enter_context(self._daemon.running())
