"""Deployments in order build their indexes in slices."""

import random
from collections.abc import Generator, Sequence

import pytest
from tests.builders import NOW_MS, deployment, incident

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.order import (
    by_finish,
    by_finish_in_steps,
    by_start_in_steps,
    finish_order,
    start_order,
)

MANY = 5_000


def deployments() -> list[Deployment]:
    """More than a slice, in order of finish; every SHA twice."""
    return [
        deployment(id=f"{number:05}", commit_sha=f"{number % (MANY // 2):040x}", finished_at=NOW_MS + number)
        for number in range(MANY)
    ]


def test_the_index_of_many_deployments_is_built_in_slices() -> None:
    in_order = DeploymentsInOrder()
    result_of(in_order.loading(deployments()))
    calls = [in_order.prepare() for _ in range(6)]
    assert calls[0] is False
    assert calls[-1] is True


def test_a_change_while_an_index_is_built_is_in_it() -> None:
    held = deployments()
    in_order = DeploymentsInOrder()
    result_of(in_order.loading(list(held)))
    in_order.prepare()
    in_order.remove(held[0])
    newcomer = deployment(id="new", commit_sha=held[1].commit_sha, finished_at=NOW_MS + MANY)
    in_order.add(newcomer)
    while not in_order.prepare():
        pass
    assert in_order.first_with_sha(f"{0:040x}") is held[MANY // 2]
    assert in_order.latest_same_before(newcomer) is held[MANY // 2 + 1]


def test_an_incident_needs_the_indexes_of_what_it_names() -> None:
    in_order = DeploymentsInOrder()
    held = [deployment(id=f"{number:05}", version=f"{number}", finished_at=NOW_MS) for number in range(MANY)]
    result_of(in_order.loading(held))
    assert in_order.prepare(incident())
    assert not in_order.prepare(incident(version="7"))


@pytest.mark.parametrize("moments", [1, 3, 5000, 10**9])
@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 9000])
def test_all_sorts_are_by_the_whole_order(count: int, moments: int) -> None:
    chance = random.Random(count)
    held = [
        deployment(
            id=f"{number}",
            started_at=NOW_MS - 10**9 - chance.randrange(2),
            finished_at=NOW_MS - chance.randrange(moments),
        )
        for number in range(count)
    ]
    for in_steps, order in ((by_finish_in_steps, finish_order), (by_start_in_steps, start_order)):
        assert [each.id for each in result_of(in_steps(held))] == [each.id for each in sorted(held, key=order)]
    assert [each.id for each in by_finish(held)] == [each.id for each in sorted(held, key=finish_order)]


def result_of(work: Generator[None, None, Sequence[Deployment]]) -> Sequence[Deployment]:
    """What is given at the end of work that takes more than one step where there is much."""
    steps, result = 0, None

    def working() -> Generator[None, None, None]:
        nonlocal result
        result = yield from work

    for _ in working():
        steps += 1
    assert result is not None
    assert steps >= len(result) / 4096
    return result
