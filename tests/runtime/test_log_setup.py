"""The log is set up for a level and a stream, and the last set-up alone is in force."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from dora_exporter.runtime.log_setup import set_up

LOGGER = "dora_exporter.somewhere"


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """What ``set_up`` has to write to. What the test run does with logs is put back."""
    root, ours = logging.getLogger(), logging.getLogger("dora_exporter")
    before = root.handlers[:], root.level, ours.level
    yield StringIO()
    root.handlers[:], root.level, ours.level = before
    logging.getLogger("aiohttp.access").setLevel(logging.NOTSET)


def test_what_is_below_the_level_is_not_logged(stream: StringIO) -> None:
    set_up("warn", "logfmt", stream)
    logging.getLogger(LOGGER).info("too quiet")
    logging.getLogger(LOGGER).warning("loud enough")
    assert stream.getvalue().endswith(f' level=warn logger={LOGGER} msg="loud enough"\n')
    assert "quiet" not in stream.getvalue()


def test_the_last_set_up_is_in_force_alone(stream: StringIO) -> None:
    set_up("error", "logfmt", stream)
    set_up("debug", "json", stream)
    logging.getLogger(LOGGER).debug("once")
    assert json.loads(stream.getvalue())["level"] == "debug"


def test_libraries_are_heard_when_something_is_wrong_only(stream: StringIO) -> None:
    set_up("debug", "json", stream)
    logging.getLogger("apscheduler").info("daily work")
    logging.getLogger("apscheduler").critical("broken")
    assert json.loads(stream.getvalue())["level"] == "error"
