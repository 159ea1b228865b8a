"""The demo: an organisation to look at, with nothing configured."""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from socket import socket
from subprocess import PIPE, Popen
from tempfile import gettempdir
from urllib.request import urlopen

import pytest
from tests.builders import NOW_MS, ManualClock, deployment, fields
from tests.cli.calling import Called, call, command, environment, store_of
from tests.e2e.daemon import RunningDaemon
from tests.e2e.process import Process
from tests.oracle.comparing import differences
from tests.oracle.daemons import NOT_IN_THE_ORACLE
from tests.oracle.gauges import expected
from tests.web.running import MemoryLog

from dora_exporter.app import daemon as app
from dora_exporter.app.daemon import Companion
from dora_exporter.app.settings import Settings
from dora_exporter.cli.demo.command import SEED, _live
from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.cli.demo.service_simulation import Happening
from dora_exporter.cli.demo.services import GROUPS
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.metrics import ALL
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import read

PAGE = "http://demo.example/"
WINDOWS = [("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS), ("90d", 90 * DAY_MS)]


def is_comparable(name: str) -> bool:
    """The oracle does not know all families, nor all that makes a deployment a failed one."""
    about_failures = any(word in name for word in ("fail", "rework", "recover", "level"))
    is_known = (
        name.startswith("dora_") and not name.startswith("dora_exporter_") and not name.endswith(NOT_IN_THE_ORACLE)
    )
    return is_known and not about_failures


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
        process.stop()  # killed, it would leave its folder behind


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
    shown = {(name, labels): value for (name, labels), value in samples.items() if is_comparable(name)}
    of_teams = {team: group for group, its in GROUPS.items() for team in its["teams"]}
    tree = Groups(above=dict.fromkeys(GROUPS), of_teams=of_teams)

    def different(now_ms: int) -> object:
        wanted = expected(
            store.deployments.values(),
            store.incidents.values(),
            now_ms=now_ms,
            windows=WINDOWS,
            retention_ms=400 * DAY_MS,
            series_order=store.series_order,
            groups=tree,
        )
        return differences(shown, {key: value for key, value in wanted.items() if is_comparable(key[0])})

    assert different(before) == {} or different(after) == {}


class Enough(Exception):
    """So much was written that one can see how it goes on."""


class ShortLog(MemoryLog):
    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        if len(self.records) == 200:
            raise Enough
        return super().append(records)


def test_what_goes_on_happening_is_written_to_the_log(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    log = ShortLog(EventStore().apply_all)
    past, future = split(organisation(SEED, NOW_MS, haste=50), NOW_MS)

    def serve(settings: Settings, *, load: Callable[[], Settings], companion: Companion) -> int:
        assert load() == settings
        assert fields(list(read(settings.snapshot.path))) == fields([happening.record for happening in past])
        clock.advance(10 * DAY_MS)
        with pytest.raises(Enough):
            asyncio.run(companion(log, PAGE))
        return 7

    monkeypatch.setattr("dora_exporter.cli.demo.command.system_clock", clock)
    monkeypatch.setattr("dora_exporter.cli.demo.command.serve", serve)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the test run has its own way to end
    assert called("demo", "--haste=50").code == 7
    assert fields(log.records) == fields([happening.record for happening in islice(future, 200)])


def test_an_event_waits_for_its_time() -> None:
    log = ShortLog(EventStore().apply_all)
    event = Happening(NOW_MS + 1_000_000, deployment())

    async def live_a_little() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_live([event], log, PAGE, clock=ManualClock()), timeout=0.05)

    asyncio.run(live_a_little())
    assert log.records == []


def test_a_companion_writes_through_the_log_of_the_daemon(tmp_path: Path) -> None:
    def load_settings() -> Settings:
        web = {"listen_addresses": ("127.0.0.1:0",)}
        return Settings.model_validate({"snapshot": {"path": tmp_path / "events"}, "web": web})

    async def companion(log: EventLog, page: str) -> None:
        assert page.startswith("http://127.0.0.1:")
        await log.append([deployment(id="written")])
        signal.raise_signal(signal.SIGTERM)

    assert app.serve(load_settings(), load=load_settings, companion=companion) == 0
    assert list(store_of(tmp_path / "events").deployments) == ["written"]


def test_it_takes_a_free_port_when_the_usual_one_is_taken_and_prints_its_url(tmp_path: Path) -> None:
    with socket() as usual, (tmp_path / "log").open("wb") as log:
        with suppress(OSError):  # another program has it, which is as good
            usual.bind(("127.0.0.1", 3672))
            usual.listen()
        with Popen(command("demo", "--days=1"), env=environment(), stdout=PIPE, stderr=log, encoding="utf-8") as demo:
            assert demo.stdout is not None
            said = demo.stdout.readline()
            url = said.removeprefix("the demo is at ").strip()
            answer = urlopen(f"{url}-/ready", timeout=30).status if url else None
            demo.send_signal(signal.SIGTERM)
    assert (answer, url.startswith("http://127.0.0.1:"), ":3672/" in url) == (200, True, False), said
    first = (tmp_path / "log").read_text(encoding="utf-8").splitlines()[0]
    assert "msg=starting" in first
    assert 'page="at a free port"' in first


def test_an_address_that_was_asked_for_and_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = call("demo", "--days=1", f"--web.listen-address=127.0.0.1:{other.getsockname()[1]}", folder=tmp_path)
    assert (ended.code, ended.output) == (1, "")
    assert "cannot listen on 127.0.0.1:" in ended.errors


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
        assert running.daemon.get("/metrics", Host="exporter:3672").status == 200  # as Prometheus in Compose asks


def test_what_cannot_be_written_is_told_and_the_next_event_comes_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, clock = EventStore(), ManualClock()
    log = MemoryLog(store.apply_all)
    events = [Happening(NOW_MS - age, deployment(id=f"event-{age}")) for age in (3, 2, 1)]

    async def live() -> None:
        log.reason = "the disk is full"
        await _live(events[:1], log, PAGE, clock=clock)
        log.reason = None
        await _live(events[1:], log, PAGE, clock=clock)

    asyncio.run(live())
    assert "demo event lost reason=the disk is full" in caplog.text
    assert list(store.deployments) == ["event-2", "event-1"]


def test_a_seed_is_an_organisation_of_its_own() -> None:
    sizes = []
    for seed in (1, 2):
        with demo("--days=10", f"--seed={seed}", "--haste=0.001") as running:
            sizes.append(len(store_of(running.snapshot).deployments))
    assert sizes[0] != sizes[1]


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
