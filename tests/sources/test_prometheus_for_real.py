"""Deployments found in a real Prometheus, whose past is filled from a file so that nothing has to be waited for."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.builders import HOUR_MS, NOW_MS, ManualClock
from tests.sources.polled import NAME, Poller
from tests.sources.store_sink import StoreSink

from dora_exporter.dora.events import MINUTE_MS
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.http.client import Refused, Transport

START_SECONDS = 30
LISTENING = re.compile(rb"Listening on\"? address=127\.0\.0\.1:([1-9]\d*)")
EDGE = (NOW_MS // MINUTE_MS - 2 - 12 * 60) * 60
"""The left edge of a first pass in seconds: twelve hours before the last minute that has settled."""

LIVES = {
    ("v1", "a"): [(-30, 305), (500, 900)],
    ("v1", "b"): [(-30, 300), (495, 900)],
    ("v2", "a"): [(300, 505)],
    ("v2", "b"): [(302, 500)],
    ("v3", "a"): [(400, 403)],
}
"""Minutes in which each instance of a version was scraped: a rolling update, a canary, a rolling rollback."""


def openmetrics(lives: dict[tuple[str, str], list[tuple[int, int]]]) -> Iterator[str]:
    yield "# TYPE target info\n"
    for (version, instance), spans in lives.items():
        labels = f'service_name="checkout",deployment_environment_name="production",service_version="{version}"'
        for minute in (minute for first, end in spans for minute in range(first, end)):
            yield f'target_info{{{labels},instance="{instance}"}} 1 {EDGE + minute * 60}\n'
    yield "# EOF\n"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(f"{name} is not installed")
    assert found, f"{name} is not installed"
    return found


def port_in(log: Iterable[bytes]) -> int:
    said = []
    for line in log:
        said.append(line)
        match = LISTENING.search(line)
        if match:
            return int(match[1])
    raise AssertionError(b"".join(said).decode())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    past, configuration = folder / "past", folder / "prometheus.yml"
    past.write_text("".join(openmetrics(LIVES)))
    configuration.write_text("{}\n")
    fill = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(past), str(folder / "data")]
    subprocess.run(fill, check=True, capture_output=True)
    command = [
        program("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--web.listen-address=127.0.0.1:0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        port = port_in(process.stderr)
        watchdog.cancel()
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
async def context() -> SourceContext:
    clock = ManualClock()
    return SourceContext(
        transport=Transport(clock=clock), clock=clock, default_environment="none", longest_window_ms=12 * HOUR_MS
    )


def reaching(address: str, context: SourceContext, **settings: object) -> Poller:
    clock = context.clock
    assert isinstance(clock, ManualClock)
    return Poller(context, clock, {"kind": "prometheus", "url": address, **settings}, StoreSink(NAME))


async def test_a_real_prometheus_shows_the_deployments_exact_to_the_step(address: str, context: SourceContext) -> None:
    await context.transport.open()
    poller = reaching(address, context)
    await poller.poll()
    await context.transport.close()

    found = [(version, (at // 1000 - EDGE) / 60) for _, _, version, at in poller.found]
    assert found == [("v2", 300), ("v3", 400), ("v1", 495)]


async def test_many_short_passes_find_what_one_long_pass_finds(address: str, context: SourceContext) -> None:
    await context.transport.open()
    whole = reaching(address, context)
    await whole.poll()

    poller = reaching(address, context)
    poller.clock.advance(-6 * HOUR_MS)
    poller.restart(backfill="6h")
    while poller.clock() < NOW_MS:
        await poller.poll()
        poller.clock.advance(20 * MINUTE_MS)
    await poller.poll()
    await context.transport.close()

    assert poller.found == whole.found


async def test_a_real_prometheus_names_what_is_wrong_with_a_query(address: str, context: SourceContext) -> None:
    await context.transport.open()
    poller = reaching(address, context, query="count by (")
    with pytest.raises(Refused, match="parse error"):
        await poller.poll()
    await context.transport.close()
