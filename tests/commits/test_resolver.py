"""When the resolver looks for what deployments shipped: retries, restarts and what happens while it works."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.builders import HOUR_MS, NOW_MS, ManualClock
from tests.commits.histories import everything, pack_of
from tests.commits.worlds import NAME, Begin, World

from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Deployment
from dora_exporter.dora.store import EventStore


async def test_retries_come_every_half_minute_then_less_often_then_no_more(
    begin: Begin, shop: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shop[4]]), shop[4])
    world.deploy(shop[1], 0)
    last = world.deploy(shop[7], 1)
    repository = world.repositories.find(NAME)
    assert repository is not None
    looked_at: list[int] = []
    refresh = repository.refresh

    def noticed() -> None:
        looked_at.append(world.clock())
        refresh()

    monkeypatch.setattr(repository, "refresh", noticed)
    start = world.clock()
    for _ in range(8 * 24 * 60 * 6):
        await world.resolver.work()
        if not world.resolver.pending:
            break
        world.clock.advance(10_000 if world.clock() < start + HOUR_MS else 60 * MINUTE_MS)
    pauses = [(after - before, before - start) for before, after in pairwise(looked_at)]
    assert max(pause for pause, age in pauses if age < 10 * MINUTE_MS) <= 30_000
    assert len(looked_at) < 500
    assert 7 * DAY_MS <= looked_at[-1] - start < 8 * DAY_MS
    assert (world.resolver.pending, world.resolver.unknown) == (0, 1)
    world.upload(everything(tmp_path / "shop"), shop[-1])
    await world.resolver.work()
    assert len(world.shas(last)) == 6
    assert world.resolver.unknown == 0


async def test_a_restart_needs_no_git(begin: Begin, world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 1)
    await world.resolver.work()
    held = world.held(last)
    again = begin(store=world.store)
    await again.resolver.work()
    assert again.log.records == []
    assert again.held(last) is held


async def test_a_restart_looks_again_where_the_deployment_before_is_another(
    begin: Begin, world: World, shop: list[str]
) -> None:
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 2)
    await world.resolver.work()
    store = EventStore()
    for each in world.store.deployments.values():
        store.apply(each)
    store.apply(
        replace(
            world.held(last),
            id="between" * 3,
            finished_at=world.held(last).finished_at - 5,
            shipped=None,
            commit_sha=shop[3],
        )
    )
    again = begin(store=store)
    await again.resolver.work()
    assert again.shas(last) == [shop[4]]
    assert again.shipped(last).base == shop[3]


async def test_a_restart_keeps_the_result_of_a_deployment_whose_predecessor_was_too_old_to_keep(
    begin: Begin, world: World, shop: list[str]
) -> None:
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 2)
    await world.resolver.work()
    store = EventStore()
    store.apply(world.held(last))
    again = begin(store=store)
    await again.resolver.work()
    assert len(again.shas(last)) == 3


async def test_a_log_that_refuses_is_tried_again(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 1)
    world.log.is_broken = True
    await world.resolver.work()
    assert world.resolver.pending == 2
    world.log.is_broken = False
    world.clock.advance(30_000)
    await world.resolver.work()
    assert len(world.shas(last)) == 3
    assert world.resolver.pending == 0


async def test_one_sent_again_between_the_arrival_of_its_repository_and_the_first_look_is_asked_for(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin()
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 1, id="d" * 16)
    world.upload(everything(tmp_path / "shop"), shop[-1])
    world.deploy(shop[4], 1, id="d" * 16, tags=("again",))
    await world.resolver.work()
    assert world.shas(last) == [shop[4], shop[3], shop[2]]


async def test_it_works_in_the_background(world: World, shop: list[str]) -> None:
    world.resolver.start()
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 1)
    await _until_resolved(world, last)
    assert len(world.shas(last)) == 3


async def _until_resolved(world: World, deployment_id: str) -> None:
    """Waits for the store to be told, and for nothing else."""
    told = asyncio.Event()

    def notice(changes: Sequence[Change]) -> None:
        for _, after in changes:
            if isinstance(after, Deployment) and after.id == deployment_id and after.shipped is not None:
                told.set()

    world.store.observers.add(notice)
    async with asyncio.timeout(20):
        await told.wait()


async def test_a_result_for_a_deployment_that_moved_meanwhile_does_no_harm(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin(clock=ManualClock(NOW_MS))
    world.upload(everything(tmp_path / "shop"), shop[-1])
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 1, id="d" * 16)
    working = world.resolver.work()
    world.deploy(shop[6], 1, id="d" * 16)
    await working
    await world.resolver.work()
    assert len(world.shas(last)) == 5


async def test_what_is_written_while_it_loads_is_taken_in(
    world: World, shop: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    ids = [world.deploy(sha, hour) for hour, sha in enumerate(shop[:6])]
    world.store.observers.remove(world.resolver.observe)
    late = world.another_resolver()
    world.store.observers.add(late.observe)
    writes: list[Callable[[], object]] = [
        lambda: world.delete(ids[0]),
        lambda: world.delete(ids[5]),
        lambda: world.deploy(shop[7], 2.5),
        lambda: world.store.apply(replace(world.held(ids[3]), finished_at=NOW_MS)),
        lambda: world.store.apply(replace(world.held(ids[1]), service="cart")),
        lambda: world.delete(ids[2]),
    ]
    loading = asyncio.create_task(late.load())
    while writes:
        await asyncio.sleep(0)
        assert not loading.done()
        writes.pop(0)()
    await loading
    await late.work()
    fresh = world.another_resolver()
    await fresh.load()
    assert fresh.pending == 0
    order = sorted(
        (each for each in world.store.deployments.values() if each.service != "cart"),
        key=lambda each: each.finished_at,
    )
    assert [each.commit_sha for each in order] == [shop[7], shop[4], shop[3]]
    assert [each.shipped and each.shipped.base for each in order] == [None, shop[7], shop[4]]
    for each in (late, fresh):
        await each.close()
