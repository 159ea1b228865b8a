"""The log's lines are written off the loop, and a log that nobody reads costs lines and nothing else."""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dora_exporter.runtime import log_setup
from dora_exporter.runtime.clock import stopwatch
from dora_exporter.runtime.log_lines import LineWriter, descriptor_of, keep_standard_descriptors
from dora_exporter.runtime.log_restraint import Restraint
from dora_exporter.runtime.log_setup import LOG

SMALL = 4096


@dataclass
class Pipe:
    read: int
    write: int

    def lines(self, count: int) -> list[bytes]:
        """So many lines, waited for."""
        data = b""
        while data.count(b"\n") < count:
            data += os.read(self.read, 65536)
        return data.splitlines()

    def hang_up(self) -> None:
        os.close(self.read)
        self.read = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe(*os.pipe())
    fcntl.fcntl(made.write, fcntl.F_SETPIPE_SZ, SMALL)
    yield made
    for end in (made.read, made.write):
        if end >= 0:
            os.close(end)


def test_lines_come_whole_and_in_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write)
    lines = [f"line {number} \udcff é" for number in range(1000)]
    for line in lines:
        writer.write(line)
    assert pipe.lines(1000) == [line.encode("utf-8", "backslashreplace") for line in lines]
    writer.close(5)
    assert writer.dropped == 0


@pytest.mark.parametrize("is_waiting", [True, False])
def test_nobody_waits_for_a_reader_that_does_not_read(pipe: Pipe, *, is_waiting: bool) -> None:
    os.set_blocking(pipe.write, is_waiting)
    writer = LineWriter(pipe.write)
    began = stopwatch()
    for number in range(20_000):
        writer.write(f"line {number}")
    assert stopwatch() - began < 5
    assert 9_000 < writer.dropped < 11_000
    dropped = writer.dropped
    assert len(pipe.lines(20_000 - dropped)) == 20_000 - dropped  # what was kept comes once somebody reads
    writer.write("again")
    assert pipe.lines(1) == [b"again"]


def test_few_long_lines_fill_no_memory_either(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write)
    for _ in range(100):
        writer.write("x" * (1 << 20))
    assert writer.dropped >= 90


@pytest.mark.usefixtures("no_garbage_search")
def test_the_end_waits_for_a_reader_only_so_long(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write)
    for number in range(2000):
        writer.write(f"line {number}")
    began = stopwatch()
    writer.close(0.05)
    assert stopwatch() - began < 2
    assert writer.dropped > 1000


def test_a_log_without_a_line_ends_at_once(pipe: Pipe) -> None:
    assert LineWriter(pipe.write).close(0)


def test_lines_for_a_reader_that_is_gone_are_counted(pipe: Pipe) -> None:
    pipe.hang_up()
    writer = LineWriter(pipe.write)
    for _ in range(3):
        writer.write("to nobody")
    writer.flush(5)
    assert writer.dropped == 3


def test_what_is_no_file_has_no_descriptor(tmp_path: Path) -> None:
    file = (tmp_path / "file").open("w")
    assert descriptor_of(file) == file.fileno()
    file.close()
    assert descriptor_of(file) is None
    assert descriptor_of(None) is None


def test_no_file_becomes_standard_error(tmp_path: Path) -> None:
    before = os.dup(2)
    try:
        os.close(2)
        keep_standard_descriptors()
        opened = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
        assert opened > 2
        os.close(opened)
    finally:
        os.dup2(before, 2)
        os.close(before)


def test_the_thread_ends_with_its_writer(pipe: Pipe) -> None:
    before = set(threading.enumerate())
    writer = LineWriter(pipe.write)
    (thread,) = set(threading.enumerate()) - before
    writer.close(5)
    thread.join(5)
    assert not thread.is_alive()


@pytest.fixture
def untouched() -> Iterator[None]:
    """What the test run does with logs is put back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, LOG.writer, LOG.lost
    yield
    root.handlers[:], root.level, LOG.writer, LOG.lost = before


@pytest.mark.usefixtures("untouched")
def test_the_end_does_not_wait_for_a_reader_that_does_not_read(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_setup, "FLUSH_SECONDS", 0.05)
    with os.fdopen(os.dup(pipe.write), "w") as stream:
        with log_setup.off_the_loop(stream):
            log_setup.set_up("info", "logfmt", stream)
            for number in range(2000):
                logging.getLogger("dora_exporter.app.daemon").warning("line %d", number)
        before, began = LOG.full, stopwatch()
        for number in range(100):
            logging.getLogger("dora_exporter.app.daemon").warning("late line %d", number)
        assert (LOG.full - before, stopwatch() - began < 5) == (100, True)


@pytest.mark.usefixtures("untouched")
def test_all_that_was_said_is_written_before_the_end(pipe: Pipe) -> None:
    with os.fdopen(os.dup(pipe.write), "w") as stream:
        reading = threading.Thread(target=lambda: read.extend(pipe.lines(2000)))
        read: list[bytes] = []
        reading.start()
        with log_setup.off_the_loop(stream):
            log_setup.set_up("info", "logfmt", stream)
            for number in range(2000):
                logging.getLogger("dora_exporter.app.daemon").warning("line %d", number)
        reading.join(10)
        assert read[-1].endswith(b'msg="line 1999"')
        assert LOG.writer is None


class Watch:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(
    *, name: str = "dora_exporter.web.server.errors", level: int = logging.INFO, line: int = 1
) -> logging.LogRecord:
    return logging.LogRecord(name, level, "file.py", line, "whatever a stranger %s", ("writes",), None)


def test_requests_make_few_lines_of_one_kind() -> None:
    watch = Watch()
    restraint = Restraint(["dora_exporter.web", "aiohttp"], stopwatch=watch)
    assert sum(bool(restraint.filter(record())) for _ in range(100)) == 10
    assert sum(bool(restraint.filter(record(line=2))) for _ in range(100)) == 10
    watch.now += 3
    assert sum(bool(restraint.filter(record())) for _ in range(100)) == 3
    watch.now += 1000
    assert sum(bool(restraint.filter(record())) for _ in range(100)) == 10
    assert restraint.held_back == 4 * 100 - 33


@pytest.mark.parametrize(
    "unlimited",
    [
        record(name="dora_exporter.sources.polling.manager"),
        record(name="dora_exporter.webs"),
        record(level=logging.DEBUG),
    ],
)
def test_what_the_daemon_says_of_itself_is_all_said(unlimited: logging.LogRecord) -> None:
    restraint = Restraint(["dora_exporter.web"], stopwatch=Watch())
    assert all(restraint.filter(unlimited) for _ in range(100))
