"""Several daemons that share one database."""

import http.client
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.daemon import Daemon, RunningDaemon
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.waiting import until

POSITION = "dora_exporter_log_position"
LEADER = "dora_exporter_leader"
OWN_FAMILIES = ("dora_exporter_", "dora_environment_info", "process_", "python_")
"""Families that are collected once a second at most."""


@dataclass
class Replica:
    """A daemon that lives, dies and lives again."""

    daemon: Daemon
    _life: ExitStack = field(default_factory=ExitStack)
    _running: RunningDaemon | None = None

    @property
    def running(self) -> RunningDaemon:
        """Its present life."""
        assert self._running is not None, "it does not run"
        return self._running

    @property
    def is_running(self) -> bool:
        """Whether it has one."""
        return self._running is not None

    def start(self) -> RunningDaemon:
        """Returns once it is ready."""
        self._running = self._life.enter_context(self.daemon.running())
        return self._running

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._running = None
        self._life.close()

    def stop(self) -> int:
        """Ends it politely, and gives its exit code."""
        code = self.running.process.stop()
        self.kill()
        return code

    def restart(self) -> RunningDaemon:
        """Kills it, and starts it again."""
        self.kill()
        return self.start()

    def pause(self) -> None:
        """Stands still, as a machine that is moved or out of memory does."""
        self.running.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on."""
        self.running.process.signal(signal.SIGCONT)

    def number(self, family: str, **labels: str) -> float | None:
        """One value of a scrape, None when it is absent."""
        return self.running.sample(family, **labels)

    @property
    def is_leader(self) -> bool:
        """Whether it says that it leads."""
        return self.number(LEADER) == 1

    def exposition(self) -> bytes:
        """What a scrape reads about events: everything but what the daemon says about itself, as it was written."""
        lines = self.running.get("/metrics").body.splitlines(keepends=True)
        return b"".join(line for line in lines if not _family(line).startswith(OWN_FAMILIES))


@dataclass
class Replicas(Sequence[Replica]):
    """All of them."""

    members: list[Replica]
    database: Database

    def __getitem__(self, index: int) -> Replica:  # type: ignore[override]
        """One of them."""
        return self.members[index]

    def __len__(self) -> int:
        """How many there are, running or not."""
        return len(self.members)

    def alive(self) -> list[RunningDaemon]:
        """The daemons that run now."""
        return [each.running for each in self.members if each.is_running]

    def head(self) -> int:
        """The last position of the log, as the database has it."""
        return int(self.database.sql("SELECT position FROM dora.head")[0])

    def wait_until_level(self, *, seconds: float = 30.0) -> None:
        """Returns once all have applied all that the log holds now."""
        head = self.head()

        def are_level() -> bool:
            return min(position or 0 for position in self.positions()) >= head

        until(are_level, seconds=seconds, otherwise=lambda: (head, self.positions()))

    def positions(self) -> list[float | None]:
        """How far each has come."""
        return [each.number(POSITION) for each in self.members]

    def leader(self, *, seconds: float = 30.0) -> Replica:
        """The one that leads, once exactly one does."""
        return until(self._only_leader, seconds=seconds)

    def followers(self) -> list[Replica]:
        """Those that run and do not lead."""
        leader = self.leader()
        return [each for each in self.members if each is not leader and each.is_running]

    def _only_leader(self) -> Replica | None:
        leaders = [each for each in self.members if each.is_running and each.is_leader]
        return leaders[0] if len(leaders) == 1 else None


def replica(folder: Path, url: str, settings: Mapping[str, object] | None = None) -> Replica:
    """One that has not run yet."""
    folder.mkdir(parents=True, exist_ok=True)
    return Replica(Daemon(folder, {"store": {"url": url}, **(settings or {})}))


@contextmanager
def replicas(
    folder: Path, database: Database, urls: Sequence[str], settings: Mapping[str, object] | None = None
) -> Iterator[Replicas]:
    """Starts one for each URL, which may lead through a proxy of its own; at the end nothing is left running."""
    made = Replicas([replica(folder / f"replica-{n}", url, settings) for n, url in enumerate(urls)], database)
    try:
        for each in made:
            each.start()
        yield made
    finally:
        for each in made:
            each.kill()


def is_ready(daemon: RunningDaemon) -> bool:
    """Whether a load balancer would send it requests."""
    return daemon.get("/-/ready").status == http.client.OK


def _family(line: bytes) -> str:
    found = re.match(rb"(?:# (?:HELP|TYPE|UNIT) )?([a-zA-Z_:][a-zA-Z0-9_:]*)", line)
    return found[1].decode() if found else ""
