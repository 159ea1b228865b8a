"""The demo: an organisation to look at, with nothing configured."""

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import pytest
from tests.builders import NOW_MS, ManualClock, deployment
from tests.commands.calling import Called, call, command, environment, store_of
from tests.e2e.daemon import RunningDaemon
from tests.e2e.process import Process
from tests.oracle.comparing import differences
from tests.oracle.gauges import expected
from tests.oracle.test_agreement import NOT_IN_THE_ORACLE
from tests.web.running import MemoryLog

from dora_exporter import app
from dora_exporter.app import Companion
from dora_exporter.clock import system_clock
from dora_exporter.commands.demo import _live
from dora_exporter.config import Settings
from dora_exporter.events import DAY_MS, Deployment, Incident
from dora_exporter.log import EventLog
from dora_exporter.metrics import ALL
from dora_exporter.records import Judgement
from dora_exporter.service_life import Happening
from dora_exporter.store import EventStore

UNKNOWN = (*NOT_IN_THE_ORACLE, "performance_level", "performance_level_threshold")
WINDOWS = [("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS), ("90d", 90 * DAY_MS)]


@dataclass(frozen=True)
class Demo:
    """A running demo and the file that it works on."""

    daemon: RunningDaemon
    snapshot: Path


@contextmanager
def demo(*flags: str) -> Iterator[Demo]:
    started = command("demo", "--web.listen-address=127.0.0.1:0", *flags)
    with Process(started, environment={**environment(), "DORA_NONSENSE": "is not looked at"}) as process:
        snapshot = process.wait_for_log(r"snapshot=(?P<path>\S+)")["path"]
        address = process.wait_for_log(r'msg="?listening"?.* address="?(?P<host>[\d.]+):(?P<port>\d+)')
        running = RunningDaemon(process, address["host"], int(address["port"]))
        running.wait_until_ready()
        yield Demo(running, Path(snapshot))


def test_it_serves_every_family_with_twelve_services_in_three_environments() -> None:
    with demo() as running:
        samples = running.daemon.samples()
    assert {each.name for each in ALL} - {name for name, _ in samples} == set()
    series = {frozenset({"service", "environment"} & dict(labels).keys()) for _, labels in samples}
    assert frozenset({"service", "environment"}) in series
    for label, count in {"service": 12, "environment": 3}.items():
        assert len({dict(labels)[label] for name, labels in samples if name == "dora_deployments"}) == count
    assert len({dict(labels)["team"] for name, labels in samples if name == "dora_team_deployments"}) == 5
    assert sum(value for (name, _), value in samples.items() if name == "dora_open_incidents") >= 2


def test_its_numbers_are_those_of_the_oracle() -> None:
    with demo("--days=9", "--haste=0.001") as running:
        before = system_clock()
        samples = running.daemon.samples()
        after = system_clock()
        store = store_of(running.snapshot)
    shown = {
        (name, labels): value
        for (name, labels), value in samples.items()
        if name.startswith("dora_") and not name.startswith("dora_exporter_") and not name.endswith(UNKNOWN)
    }

    def different(now_ms: int) -> object:
        wanted = expected(
            store.deployments.values(),
            store.incidents.values(),
            now_ms=now_ms,
            windows=WINDOWS,
            retention_ms=400 * DAY_MS,
            series_order=store.series_order,
            revert_rule=True,
        )
        return differences(shown, wanted)

    assert different(before) == {} or different(after) == {}


def test_what_goes_on_happening_is_written_to_the_log_in_its_order(
    called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived = EventStore()
    log = MemoryLog(lived.apply)
    clock = ManualClock()

    async def live_until_enough(companion: Companion) -> None:
        living = asyncio.create_task(companion(log))
        while len(log.records) < 200:
            await asyncio.sleep(0)
        living.cancel()

    def serve(settings: Settings, *, load: Callable[[], Settings], companion: Companion) -> int:
        assert load() == settings
        for event in store_of(settings.snapshot.path).deployments.values():
            lived.apply(event)
            clock.now_ms = max(clock.now_ms, event.finished_at)
        clock.advance(DAY_MS)
        asyncio.run(live_until_enough(companion))
        return 7

    monkeypatch.setattr("dora_exporter.commands.demo.system_clock", clock)
    monkeypatch.setattr("dora_exporter.commands.demo.serve", serve)
    held = signal.getsignal(signal.SIGTERM)
    try:
        assert called("demo").code == 7
    finally:
        signal.signal(signal.SIGTERM, held)
    moments = [each.finished_at or each.started_at for each in log.records if isinstance(each, Deployment | Incident)]
    assert moments == sorted(moments)
    assert moments[0] > NOW_MS
    assert {type(each) for each in log.records} == {Deployment, Incident, Judgement}


def test_a_companion_writes_through_the_log_of_the_daemon(tmp_path: Path) -> None:
    def load_settings() -> Settings:
        web = {"listen_addresses": ("127.0.0.1:0",)}
        return Settings.model_validate({"snapshot": {"path": tmp_path / "events"}, "web": web})

    async def companion(log: EventLog) -> None:
        await log.append([deployment(id="written")])
        signal.raise_signal(signal.SIGTERM)

    assert app.serve(load_settings(), load=load_settings, companion=companion) == 0
    assert list(store_of(tmp_path / "events").deployments) == ["written"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_it_ends(number: signal.Signals) -> None:
    with demo("--days=3") as running:
        assert running.snapshot.is_file()
        assert running.snapshot.parent.parent == Path(gettempdir())
        running.daemon.process.signal(number)
        assert running.daemon.process.wait() == 0
    assert not running.snapshot.parent.exists()
    assert "Traceback" not in running.daemon.process.text


def test_it_listens_wherever_it_is_told_to_because_nothing_is_real() -> None:
    with demo("--days=3", "--web.listen-address=0.0.0.0:0") as running:
        assert running.daemon.get("/-/ready").status == 200


def test_what_cannot_be_written_is_told_and_the_next_event_comes_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, clock = EventStore(), ManualClock()
    log = MemoryLog(store.apply)
    events = [Happening(NOW_MS - age, deployment(id=f"event-{age}")) for age in (3, 2, 1)]

    async def live() -> None:
        log.reason = "the disk is full"
        await _live(events[:1], log, clock=clock)
        log.reason = None
        await _live(events[1:], log, clock=clock)

    asyncio.run(live())
    assert "an event of the demo is lost reason=the disk is full" in caplog.text
    assert list(store.deployments) == ["event-2", "event-1"]


def test_a_seed_is_an_organisation_of_its_own() -> None:
    sizes = []
    for seed in (1, 1, 2):
        with demo("--days=30", f"--seed={seed}", "--haste=0.001") as running:
            sizes.append(len(store_of(running.snapshot).deployments))
    assert sizes[0] != sizes[2]


def test_an_address_that_is_taken_ends_it_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with demo("--days=3") as running:
        taken = f"--web.listen-address=127.0.0.1:{running.daemon.port}"
        ended = call("demo", "--days=3", taken, folder=tmp_path)
    assert (ended.code, ended.output) == (1, "")
    assert "cannot listen on 127.0.0.1" in ended.errors.splitlines()[-1]
    left = re.search(r"snapshot=(\S+)", ended.errors)
    assert left
    assert not Path(left[1]).parent.exists()
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("flag", ["--haste=0", "--haste=nan", "--days=0", "--days=x", "--seed=x", "--config.file=x"])
def test_a_wrong_call_is_answered_with_the_usage(flag: str, called: Called, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        called("demo", flag)
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("usage: dora-exporter demo")
