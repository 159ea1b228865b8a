"""Random lives of incidents, told late, twice, in any order and across restarts, end in the sender's state."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.webhook.webhook_daemon import a_daemon

T = 1_749_000_000
RULES = [
    {"match": "kind == 'deleted'", "id": "id", "changed_at": "at", "delete": "`true`"},
    {"match": "kind == 'closed'", "id": "id", "changed_at": "at", "finished_at": "at"},
    {"id": "id", "started_at": "began", "changed_at": "at", "services": "services", "severity": "severity"},
]
"""A closing and a deletion say nothing but their time, as those of some vendors."""


@dataclass(frozen=True)
class Upstream:
    """An incident at its sender."""

    services: tuple[str, ...]
    severity: str
    closed_at: int | None = None
    is_deleted: bool = False


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["closed", "reopened", "deleted", "restored"]),
        st.tuples(st.sampled_from([("a",), ("b",), ("a", "b")]), st.sampled_from(["high", "low"])),
    ),
    max_size=6,
)


def life(steps: list[Any]) -> tuple[Upstream, list[dict[str, Any]]]:
    """The state in which an incident ends that goes through these steps, and what its sender tells."""
    state = Upstream(("a",), "high")
    told = [_told("opened", 0, state)]
    for at, step in enumerate(steps, start=1):
        state = _after(state, step, at)
        kind = "deleted" if state.is_deleted else "closed" if state.closed_at is not None else "opened"
        told.append(_told(kind, at, state))
    return state, told


def _after(state: Upstream, step: object, at: int) -> Upstream:
    if isinstance(step, tuple):
        return replace(state, services=step[0], severity=step[1], closed_at=None, is_deleted=False)
    if step == "closed":
        return replace(state, closed_at=T + at, is_deleted=False)
    return replace(state, closed_at=None, is_deleted=step == "deleted")


def _told(kind: str, at: int, state: Upstream) -> dict[str, Any]:
    body = {"id": 1, "kind": kind, "at": T + at}
    if kind == "opened":
        body |= {"began": T, "services": list(state.services), "severity": state.severity}
    return body


@pytest.mark.parametrize("is_in_order", [True, False])
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, data=st.data())
def test_a_life_ends_in_the_state_that_its_sender_has(
    *, is_in_order: bool, steps: list[Any], data: st.DataObject
) -> None:
    state, told = life(steps)
    heard = list(told) if is_in_order else data.draw(st.permutations(told))
    heard += data.draw(st.lists(st.sampled_from(told), max_size=3))
    restarts = data.draw(st.sets(st.integers(0, len(heard)), max_size=2))
    asyncio.run(_hear(state, told, heard, restarts))


async def _hear(state: Upstream, told: list[dict[str, Any]], heard: list[dict[str, Any]], restarts: set[int]) -> None:
    async with a_daemon(incidents=RULES) as daemon:
        for place, body in enumerate(heard):
            if place in restarts:
                await daemon.start()
            assert await daemon.push(body) == 200
        if state.is_deleted:
            assert daemon.counting == []
            return
        (incident,) = daemon.counting
        assert incident.started_at == T * 1000
        assert incident.finished_at == (None if state.closed_at is None else state.closed_at * 1000)
        if state.closed_at is None:
            assert (incident.services, incident.severity) == (state.services, state.severity)
        else:  # the closing repeats neither, so of an order that is not its sender's only some are known
            assert incident.services in {tuple(each["services"]) for each in told if each["kind"] == "opened"}
