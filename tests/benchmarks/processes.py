"""Starts programs on a core of their own, and ends them again."""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = (os.cpu_count() or 1) - 1
"""What makes the load shares the server's core only where there is no other."""

START_SECONDS = 300
STOP_SECONDS = 30
_LOOK_SECONDS = 0.01
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Where a package is installed, its modules are compiled already."""


@dataclass(frozen=True)
class Server:
    """A program that listens on ``port`` of the loopback address."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def resident_bytes(self) -> int:
        """The memory it holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """Ends it with ``kill -9``."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Asks it to end, and insists after a while."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """The command, kept on one core."""
    return ["taskset", "--cpu-list", str(core), *command]


def start(
    command: Sequence[str],
    *,
    log: Path,
    ready: str,
    port: int | None = None,
    core: int | None = SERVER_CORE,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Starts a server and waits until its log matches ``ready``; without ``port`` the first group of it is the port."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command if core is None else on_core(core, command),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**_ENVIRONMENT, **(environment or {})},
        )
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        match = re.search(ready, log.read_text(errors="replace"))
        if match:
            return Server(process, int(match[1]) if port is None else port)
        time.sleep(_LOOK_SECONDS)
    process.kill()
    raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-1000:]}")


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server for the time of the block."""
    server = start(command, log=log, ready=ready, port=port, environment=environment)
    try:
        yield server
    finally:
        server.stop()
