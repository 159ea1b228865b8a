"""Events are told apart by id: nothing compares or hashes one whole."""

import dataclasses
import importlib
import pkgutil
import typing
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.strategies import RETENTION_MS, WINDOWS

import dora_exporter
from dora_exporter.dora.events import Commit, Deployment, Event, Incident, Shipped, same_content
from dora_exporter.series.definitions import Definitions


@pytest.mark.parametrize("event", [deployment(), incident()])
def test_an_event_is_neither_compared_nor_hashed(event: Event) -> None:
    for attempt in (
        lambda: event == replace(event),
        lambda: event != replace(event),
        lambda: [replace(event)].index(event),
        lambda: {event},
        lambda: hash((event.id, event)),
    ):
        with pytest.raises(TypeError, match="told apart by id"):
            attempt()


def test_the_same_content_is_that_of_every_field() -> None:
    shipped = Shipped("git.example.com/shop", "a" * 40, left_out={"merge": 2})
    one = deployment(shipped=shipped, upstream={"stage": ["a"]})
    assert same_content(one, replace(one, upstream={"stage": ["a"]}))
    assert not same_content(one, replace(one, upstream={"stage": ["b"]}))
    assert not same_content(one, replace(one, shipped=replace(shipped, left_out={"merge": 3})))
    assert same_content(None, None)
    assert not same_content(one, None)
    assert not same_content(None, one)
    assert not same_content(deployment(id="a"), incident(id="a"))


def test_deployments_that_hold_mappings_may_come_late_and_be_corrected() -> None:
    """Which of them shipped a commit first was once kept in sets."""
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10))
    commits = [Commit(letter * 40, NOW_MS - 5 * HOUR_MS) for letter in "abcd"]
    for hours, last in ((1, 3), (3, 1), (2, 2), (4, 0), (3, 3), (1, 1), (2, 0), (4, 2)):
        came = deployment(id=f"deployment-{hours}", finished_at=NOW_MS - hours * HOUR_MS)
        shipped = Shipped("git.example.com/shop", "f" * 40, left_out={"merge": 1})
        daemon.perform(replace(came, commits=tuple(commits[: last + 1]), shipped=shipped, upstream={"stage": {}}))
        assert differences(daemon.samples(), daemon.expected()) == {}


def test_nothing_that_holds_an_event_is_compared_field_by_field() -> None:
    """Rows that only carry an event out (``explanation``) would raise; what the engine compares says by what."""
    unsure = [
        f"{each.__module__}.{each.__qualname__}"
        for each in _dataclasses()
        if _holds_event(each) and "__eq__" in vars(each) and each.__dataclass_params__.eq
    ]
    assert unsure == []


def _dataclasses() -> Iterator[typing.Any]:
    for found in pkgutil.walk_packages(dora_exporter.__path__, "dora_exporter."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            yield from (each for each in vars(module).values() if _is_own(each, module.__name__))


def _is_own(each: object, module: str) -> bool:
    return isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__ == module


def _holds_event(each: type[typing.Any]) -> bool:
    return any(_mentions_event(field.type) for field in dataclasses.fields(each))


def _mentions_event(hint: object) -> bool:
    return hint in (Deployment, Incident) or any(map(_mentions_event, typing.get_args(hint)))
