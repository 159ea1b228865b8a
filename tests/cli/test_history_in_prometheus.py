"""A real Prometheus takes the past over, and answers with it what the oracle says of each instant."""

import subprocess
from itertools import chain
from pathlib import Path

import pytest
from tests.builders import HOUR_MS
from tests.cli.calling import NAME, call, kept
from tests.cli.test_history import WINDOWS
from tests.e2e.programs import program
from tests.e2e.prometheus import Prometheus, prometheus
from tests.e2e.test_prometheus import RETENTION_MS, a_month
from tests.oracle.comparing import differences
from tests.oracle.gauges import Sample, expected

from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

DAYS = 3
STEP_MS = 2 * HOUR_MS
UNUSED_PORT = 9


def queried(server: Prometheus, families: str, first: int, last: int) -> dict[int, dict[Sample, float]]:
    """What a range query gives for each instant."""
    found: dict[int, dict[Sample, float]] = {instant: {} for instant in range(first, last + 1, STEP_MS)}
    answer = server.get(
        "/api/v1/query_range",
        query=f'{{__name__=~"{families}"}}',
        start=str(first // 1000),
        end=str(last // 1000),
        step=str(STEP_MS // 1000),
    )
    for series in answer["data"]["result"]:
        labels = dict(series["metric"])
        name = labels.pop("__name__")
        for moment, value in series["values"]:
            found[int(moment) * 1000][name, frozenset(labels.items())] = float(value)
    return found


def test_query_range_gives_for_the_past_what_the_daemon_would_have_said_then(tmp_path: Path) -> None:
    now = system_clock()
    last = now - now % STEP_MS
    first = last - DAYS * 24 * HOUR_MS
    deployments, incidents = a_month(now)
    kept(tmp_path / NAME, [*deployments, *incidents])
    printed = call(
        "history",
        f"--snapshot.path={NAME}",
        f"--from={first // 1000}",
        f"--to={last // 1000}",
        f"--step={STEP_MS // HOUR_MS}h",
        folder=tmp_path,
    )
    (tmp_path / "history").write_text(printed.output)
    create = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "history", "tsdb"]
    subprocess.run(create, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    wanted = {
        instant: {
            # What a label lacks and what it has empty are one thing to Prometheus.
            (name, frozenset(pair for pair in labels if pair[1])): value
            for (name, labels), value in expected(
                [each for each in deployments if each.finished_at <= instant],
                [each for each in incidents if each.started_at <= instant],
                now_ms=instant,
                windows=WINDOWS,
                retention_ms=RETENTION_MS,
            ).items()
        }
        for instant in range(first, last + 1, STEP_MS)
    }
    families = "|".join(sorted({name for name, _ in chain.from_iterable(wanted.values())}))
    with prometheus(tmp_path, UNUSED_PORT) as server:
        server.process.wait_for_log("Server is ready to receive web requests")
        found = queried(server, families, first, last)
    assert len(found) == 37
    for instant, samples in found.items():
        assert differences(samples, wanted[instant]) == {}
