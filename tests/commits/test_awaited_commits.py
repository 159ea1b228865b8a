"""Deployments wait for their commits, and are passed over when these never come."""

from pathlib import Path

import pytest
from tests.commits.histories import Made, build, everything, pack_of, packed
from tests.commits.worlds import Begin, World

from dora_exporter.dora.events import DAY_MS


async def test_a_deployment_waits_for_its_commit(begin: Begin, shop: list[str], tmp_path: Path) -> None:
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shop[4]]), shop[4])
    first, second = world.deploy(shop[1], 0), world.deploy(shop[7], 1)
    await world.resolver.work()
    assert world.shipped(first).left_out == {"first": 1}
    assert world.held(second).shipped is None
    assert world.resolver.pending == 1
    world.upload(pack_of(tmp_path / "shop", [shop[9]], [shop[4]]), shop[9])
    await world.resolver.work()
    assert len(world.shas(second)) == 6
    assert world.resolver.pending == 0


async def test_a_deployment_waits_for_the_commit_of_the_one_before_it(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((1,)), Made((1,)), Made((3,))])
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shas[4]]), shas[4])
    world.deploy(shas[0], 0)
    unknown, last = world.deploy(shas[2], 1), world.deploy(shas[4], 2)
    await world.resolver.work()
    assert world.resolver.pending == 2
    world.upload(everything(tmp_path / "shop"), shas[4])
    await world.resolver.work()
    assert set(world.shas(unknown)) == {shas[1], shas[2]}
    assert set(world.shas(last)) == {shas[3], shas[4]}


GONE = "f" * 40


async def wait_in_vain(world: World) -> None:
    await world.resolver.work()
    for _ in range(2):
        world.clock.advance(7 * DAY_MS)
        await world.resolver.work()


async def test_one_commit_that_never_comes_costs_only_its_own_deployment(
    begin: Begin, world: World, shop: list[str]
) -> None:
    world.deploy(shop[1], 0)
    gone = [world.deploy(GONE, 1), world.deploy("e" * 40, 1.5)]
    after, last = world.deploy(shop[4], 2), world.deploy(shop[6], 3)
    await world.resolver.work()
    assert [len(world.shas(last)), world.held(after).shipped] == [2, None]
    await wait_in_vain(world)
    assert world.shas(after) == [shop[4], shop[3], shop[2]]
    assert (world.shipped(after).base, world.shipped(after).left_out) == (shop[1], {"passed_over": 2})
    assert [world.held(each).shipped for each in gone] == [None, None]
    assert (world.resolver.pending, world.resolver.unknown) == (0, 2)
    again = begin(store=world.store, clock=world.clock)
    await again.resolver.work()
    assert again.log.records == []


async def test_what_waits_for_another_commit_is_looked_at_when_one_comes_between(world: World, shop: list[str]) -> None:
    world.deploy(GONE, 0)
    last = world.deploy(shop[4], 2)
    await wait_in_vain(world)
    later = world.deploy(shop[6], 4)
    world.deploy("e" * 40, 3)
    await world.resolver.work()
    assert [world.shipped(last).left_out, world.held(later).shipped] == [{"first": 1, "passed_over": 1}, None]
    world.deploy(shop[5], 3.5)
    await world.resolver.work()
    assert world.shas(later) == [shop[6]]


async def test_what_a_deployment_shipped_stays_true_behind_one_whose_commit_nobody_has(
    world: World, shop: list[str]
) -> None:
    world.deploy(shop[1], 0)
    between, last = world.deploy(shop[2], 1), world.deploy(shop[4], 3)
    await world.resolver.work()
    world.deploy(GONE, 2)
    await world.resolver.work()
    world.delete(between)
    await world.resolver.work()
    assert world.shas(last) == [shop[4], shop[3], shop[2]]
    assert world.shipped(last).left_out == {"passed_over": 1}


async def test_a_first_deployment_whose_commit_never_comes_leaves_the_next_to_be_the_first(
    world: World, shop: list[str]
) -> None:
    world.deploy(GONE, 0)
    second, last = world.deploy(shop[4], 1), world.deploy(shop[6], 2)
    await wait_in_vain(world)
    assert world.shipped(second).left_out == {"first": 1, "passed_over": 1}
    assert world.shas(last) == [shop[6], shop[5]]


async def test_what_was_passed_over_counts_when_it_comes_after_all(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin()
    world.upload(packed(tmp_path / "shop", [*shop[:2], *shop[4:]]), shop[-1])
    world.deploy(shop[1], 0)
    late, after = world.deploy(shop[3], 1), world.deploy(shop[5], 2)
    await wait_in_vain(world)
    assert (world.shas(after), world.shipped(after).left_out) == ([shop[5], shop[4]], {"passed_over": 1})
    world.upload(packed(tmp_path / "shop", shop[2:4]), shop[3])
    await world.resolver.work()
    assert [world.shas(late), world.shas(after)] == [[shop[3], shop[2]], [shop[5], shop[4]]]
    assert world.shipped(after).left_out == {}


@pytest.mark.parametrize("change", ["late", "deleted"])
async def test_what_changes_before_one_that_was_passed_over_concerns_the_one_after_it(
    world: World, shop: list[str], change: str
) -> None:
    ids = [world.deploy(shop[1], 0), world.deploy(shop[2], 1)]
    world.deploy(GONE, 2)
    after = world.deploy(shop[5], 3)
    await wait_in_vain(world)
    assert world.shas(after) == [shop[5], shop[4], shop[3]]
    if change == "late":
        world.deploy(shop[3], 1.5)
    else:
        world.delete(ids[1])
    await world.resolver.work()
    assert world.shas(after) == {"late": [shop[5], shop[4]], "deleted": [shop[5], shop[4], shop[3], shop[2]]}[change]


async def test_a_gap_is_measured_from_the_latest_that_is_known(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], -30 * 24)
    world.deploy(GONE, 0)
    after = world.deploy(shop[5], 31 * 24)
    await wait_in_vain(world)
    assert world.shipped(after).left_out == {"gap": 1, "passed_over": 1}
