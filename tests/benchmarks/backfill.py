"""A first back-fill of PagerDuty incidents against its bare HTTP requests, and scrapes while it runs."""

import asyncio
import gzip
import http.client
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles

from aiohttp import web
from tests.benchmarks.processes import Server, start
from tests.benchmarks.rounds import Goal

from dora_exporter.runtime.clock import system_clock

INCIDENTS = int(os.environ.get("BACKFILL_INCIDENTS", "100000"))
SERVICES = 50
PAGE = 100
PAGE_SECONDS = 0.05
DAYS = 80
TOKEN = "token-of-the-benchmark"
_SCRAPE_PAUSE_SECONDS = 0.1
_MOST_SECONDS = 600
_LISTENING = r"listening address=127\.0\.0\.1:([1-9]\d*)"
_UP = 'dora_exporter_source_up{source="pd"}'


def measure(folder: Path) -> Iterator[Goal]:
    """The two rows about a back-fill."""
    with _upstream() as port:
        with _daemon(folder, port) as daemon:
            scrapes, seconds = _watched(daemon)
        bare = _bare_seconds(port)
    yield Goal(
        f"first back-fill of {INCIDENTS:,} PagerDuty incidents at {PAGE_SECONDS * 1000:.0f} ms a page: against the "
        f"bare requests",
        f"{seconds:.1f} s against {bare:.1f} s: {seconds / bare:.2f} x",
        "at most 1.3 x",
        seconds / bare <= 1.3,
    )
    slowest = quantiles(scrapes, n=100)[98] * 1000
    yield Goal("`/metrics` meanwhile, p99", f"{slowest:.1f} ms", "at most 50 ms", slowest <= 50)


@contextmanager
def _daemon(folder: Path, upstream_port: int) -> Iterator[Server]:
    """A daemon that has never polled, with the account as its only source."""
    source = {"kind": "pagerduty", "base_url": f"http://127.0.0.1:{upstream_port}", "token": TOKEN}
    configuration = folder / "backfill.yaml"
    configuration.write_text(json.dumps({"sources": {"pd": source}}))
    command = [sys.executable, "-m", "dora_exporter", f"--config.file={configuration}"]
    command += [f"--snapshot.path={folder / 'backfill.jsonl'}", "--web.listen-address=127.0.0.1:0"]
    server = start(command, log=folder / "backfill.log", ready=_LISTENING)
    try:
        yield server
    finally:
        server.stop()


def _watched(server: Server) -> tuple[list[float], float]:
    """Seconds of the scrapes while the first pass runs, and of the pass."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    scrapes: list[float] = []
    deadline = time.monotonic() + _MOST_SECONDS
    samples: dict[str, float] = {}
    while _UP not in samples:
        if time.monotonic() > deadline:
            raise RuntimeError("the back-fill does not end")
        time.sleep(_SCRAPE_PAUSE_SECONDS)
        begun = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        scrapes.append(time.perf_counter() - begun)
        samples = _samples(body) if answer.status == HTTPStatus.OK else {}
    connection.close()
    held = samples['dora_exporter_events_held{kind="incident"}']
    if not samples[_UP] or held != INCIDENTS:
        raise RuntimeError(f"{held:.0f} of {INCIDENTS} incidents are held")
    return scrapes, samples['dora_exporter_source_pass_duration_seconds{source="pd"}']


def _samples(body: bytes) -> dict[str, float]:
    lines = gzip.decompress(body).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("dora_exporter_"))
    return {name: float(value) for name, value in pairs}


def _bare_seconds(port: int) -> float:
    """Every page of the account one after another, with nothing done with it."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    begun = time.perf_counter()
    for page in range(INCIDENTS // PAGE):
        connection.request("GET", f"/page/{page}")
        connection.getresponse().read()
    connection.close()
    return time.perf_counter() - begun


@contextmanager
def _upstream() -> Iterator[int]:
    """A PagerDuty in a process of its own; gives its port."""
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs, system_clock()), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


class _Account:
    """Incidents at equal distances, the newest one now, all of them over; every page takes its time."""

    def __init__(self, now_ms: int) -> None:
        self._began = now_ms // 1000 - DAYS * 86_400
        self._distance = DAYS * 86_400 / INCIDENTS
        self._rows = [json.dumps(self._row(number)) for number in range(INCIDENTS)]

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/page/{page}", self._page)
        application.router.add_get("/incidents", self._list)
        return application

    def _row(self, number: int) -> dict[str, object]:
        """A row with about as much around what we read as a real one has."""
        began, ended = (self._text(self._began + number * self._distance + late) for late in (0, 1800))
        service = f"P{number % SERVICES:05}"
        person = {"id": "PUSER", "type": "user_reference", "summary": "Somebody", "self": "https://api/users/PUSER"}
        return {
            "id": f"Q{number:09}",
            "incident_number": number + 1,
            "title": f"incident {number}: the error rate is too high",
            "created_at": began,
            "updated_at": ended,
            "resolved_at": ended,
            "last_status_change_at": ended,
            "status": "resolved",
            "urgency": "high",
            "priority": {"id": "PRIO1", "type": "priority", "summary": "P1", "name": "P1"},
            "service": {
                "id": service,
                "type": "service_reference",
                "summary": f"service {service}",
                "html_url": "https://x",
            },
            "assignments": [{"at": began, "assignee": person}],
            "teams": [{"id": "PTEAM", "type": "team_reference", "summary": "Team"}],
            "escalation_policy": {"id": "PESC", "type": "escalation_policy_reference", "summary": "Default"},
            "body": {"type": "incident_body", "details": "x" * 1000},
        }

    async def _page(self, request: web.Request) -> web.Response:
        start = int(request.match_info["page"]) * PAGE
        return await self._answer(start, start + PAGE, more=True, total=None)

    async def _list(self, request: web.Request) -> web.Response:
        """All are over, so only the list by time has rows."""
        query = request.query
        if "statuses[]" in query:
            return await self._answer(0, 0, more=False, total=0)
        first, end = (self._number(query[name]) for name in ("since", "until"))
        start = first + int(query["offset"])
        more = start + PAGE < end
        return await self._answer(start, min(start + PAGE, end), more=more, total=end - first)

    async def _answer(self, start: int, end: int, *, more: bool, total: int | None) -> web.Response:
        await asyncio.sleep(PAGE_SECONDS)
        head = json.dumps({"more": more, "total": total})[:-1]
        text = f'{head}, "incidents": [{",".join(self._rows[start:end])}]}}'
        return web.Response(text=text, content_type="application/json")

    def _number(self, moment: str) -> int:
        """How many began before a moment."""
        seconds = datetime.fromisoformat(moment).timestamp()
        return max(0, min(INCIDENTS, math.ceil((seconds - self._began) / self._distance)))

    def _text(self, seconds: float) -> str:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _serve(connection: Connection, now_ms: int) -> None:
    asyncio.run(_serve_for_ever(connection, now_ms))


async def _serve_for_ever(connection: Connection, now_ms: int) -> None:
    runner = web.AppRunner(_Account(now_ms).application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    connection.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def main() -> int:
    """Prints both rows; 1 when a number was not reached."""
    with tempfile.TemporaryDirectory() as folder:
        goals = list(measure(Path(folder)))
    for goal in goals:
        sys.stdout.write(f"{goal.what}: {goal.measured} ({goal.to_reach}: {'yes' if goal.reached else 'no'})\n")
    return int(not all(goal.reached for goal in goals))


if __name__ == "__main__":
    sys.exit(main())
