"""The log has one line per record, with the facts as fields and without secrets."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.runtime.log_format import JsonFormatter, LogfmtFormatter

LOGGER = "dora_exporter.somewhere"


def record(message: object, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord(LOGGER, logging.INFO, "somewhere.py", 1, message, arguments, None)
    made.created = 1_764_000_000.25
    return made


def logfmt(message: object, *arguments: object) -> str:
    """A line without the time, level and logger, which are the same in all of them."""
    line = LogfmtFormatter().format(record(message, *arguments))
    start = f"ts=2025-11-24T16:00:00.250Z level=info logger={LOGGER} "
    assert line.startswith(start)
    return line.removeprefix(start)


def fields(message: object, *arguments: object) -> dict[str, object]:
    """A JSON line's fields but the time, level and logger."""
    decoded = json.loads(JsonFormatter().format(record(message, *arguments)))
    same = {"ts": "2025-11-24T16:00:00.250Z", "level": "info", "logger": LOGGER}
    assert {name: decoded.pop(name) for name in same} == same
    return dict(decoded)


@pytest.mark.parametrize(
    ("message", "arguments", "line"),
    [
        ("stopped", (), "msg=stopped"),
        ("configuration reloaded", (), 'msg="configuration reloaded"'),
        ("listening address=%s tls=%s", ("127.0.0.1:3672", "false"), "msg=listening address=127.0.0.1:3672 tls=false"),
        ("ready events=%d seconds=%.1f", (12, 0.25), "msg=ready events=12 seconds=0.2"),
        ("left out reason=%s", ("",), 'msg="left out" reason=""'),
        ("left out reason=%s", ("no = sign",), 'msg="left out" reason="no = sign"'),
        ("left out reason=%r", ('say "x"',), r'msg="left out" reason="say \"x\""'),
        ("left out reason=%s", ("a\\b",), r'msg="left out" reason="a\\b"'),
        ("left out name=%s id=%s", ("tls=true id=5", 6), 'msg="left out" name="tls=true id=5" id=6'),
        (
            "two\nlines reason=%s",
            ("a\nb\r\x1b[0m\u2028c\x85",),
            r'msg="two\nlines" reason="a\nb\r\u001b[0m\u2028c\u0085"',
        ),
        ("café name=%s", ("naïve",), "msg=café name=naïve"),
        ("served name=%s", ("naïve café",), 'msg=served name="naïve café"'),
        ("broken name=%s", ("\udc80",), r'msg=broken name="\udc80"'),
        ("of %s %d%% done seconds=%s", ("three", 50, None), 'msg="of three 50% done" seconds=null'),
        ("100% done", (), 'msg="100% done"'),
        ('Added job "%s" to job store "%s"', ("a", "b"), r'msg="Added job \"a\" to job store \"b\""'),
        ("as a mapping %(a)s", ({"a": 1},), 'msg="as a mapping 1"'),
        ("failed msg=%s level=%s", ("m", "l"), "msg=failed msg_=m level_=l"),
        (ValueError("a reason"), (), 'msg="a reason"'),
        ("too few a=%s b=%s", (1,), 'msg="too few a=%s b=%s"'),
        ("too many", (1,), 'msg="too many"'),
    ],
)
def test_a_record_is_a_line_of_logfmt(message: object, arguments: tuple[object, ...], line: str) -> None:
    assert logfmt(message, *arguments) == line


def test_a_record_is_a_json_object_with_the_types_of_its_facts() -> None:
    values = (12, 0.5, True, None, "a\nb")
    assert fields("ready events=%d seconds=%s tls=%s key=%s name=%r", *values) == {
        "msg": "ready",
        "events": 12,
        "seconds": 0.5,
        "tls": True,
        "key": None,
        "name": "a\nb",
    }


@given(value=st.text(st.characters(categories=None)))
def test_no_value_breaks_a_line(value: str) -> None:
    for line in (
        LogfmtFormatter().format(record(f"said {value}", value)),
        LogfmtFormatter().format(record("x a=%s", value)),
    ):
        assert line.isprintable()
    assert len(JsonFormatter().format(record("x a=%s", value)).splitlines()) == 1


@pytest.mark.parametrize("formatter", [LogfmtFormatter(), JsonFormatter()])
def test_a_traceback_stays_on_the_line(formatter: logging.Formatter) -> None:
    failed, error = record("failed"), ValueError("first\nsecond")
    failed.exc_info = (type(error), error, None)
    line = formatter.format(failed)
    assert len(line.splitlines()) == 1
    assert r"ValueError: first\nsecond" in line


def test_a_secret_is_hidden_wherever_it_is_logged() -> None:
    failed = record("at ssh://hunter2@host token=%s url=%s", "hunter2", "x://hunter2@y")
    error = ValueError("https://me:hunter2@host")
    failed.exc_info = (type(error), error, None)
    for formatter in (LogfmtFormatter(), JsonFormatter()):
        line = formatter.format(failed)
        assert "hunter2" not in line
        assert line.count("***") == 4
