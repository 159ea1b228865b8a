"""What comes late takes commits from what was deployed after it."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.builders import HOUR_MS, NOW_MS
from tests.commits.histories import Made, build, everything, linear, pack_of, packed
from tests.commits.worlds import NAME, Begin, World

from dora_exporter.dora.events import Commit
from dora_exporter.dora.records import Resolution


async def test_a_commit_that_becomes_known_late_was_shipped_then(begin: Begin, tmp_path: Path) -> None:
    """A hot fix is deployed, then the main line, then both merged: the fix was shipped at first."""
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((0,)), Made((2, 1))])
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[0], shas[2], shas[3]]), shas[3])
    world.deploy(shas[0], 0)
    fix = world.deploy(shas[1], 1)
    main = world.deploy(shas[2], 2)
    both = world.deploy(shas[3], 3)
    await world.resolver.work()
    assert world.shipped(both).left_out == {"merge": 1}
    assert world.resolver.pending == 2
    world.upload(packed(tmp_path / "shop", [shas[1]]), shas[1])
    await world.resolver.work()
    assert [world.shas(each) for each in (fix, main, both)] == [[shas[1]], [shas[2]], []]


async def test_a_commit_that_becomes_known_late_takes_others_from_later_deployments(
    begin: Begin, tmp_path: Path
) -> None:
    """Of a fix of two commits the first is merged; that the fix was deployed before is known later."""
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((1,)), Made((0,)), Made((3, 1))])
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[place] for place in (0, 1, 3, 4)]), shas[4])
    world.deploy(shas[0], 0)
    fix, main, both = (world.deploy(shas[place], hour) for hour, place in ((1, 2), (2, 3), (3, 4)))
    await world.resolver.work()
    assert world.shas(both) == [shas[1]]
    world.upload(packed(tmp_path / "shop", [shas[2]]), shas[2])
    await world.resolver.work()
    assert [world.shas(each) for each in (fix, main, both)] == [[shas[2], shas[1]], [shas[3]], []]


LISTED = {"commits": (Commit("f" * 40, NOW_MS - 2000 * HOUR_MS),)}


@pytest.mark.parametrize("patterns", [{}, {"checkout": ["none"]}])
@pytest.mark.parametrize("hidden_behind", ["a list", "a gap"])
@pytest.mark.parametrize("restarts", ["never", "before the upload", "after the upload"])
@pytest.mark.parametrize("is_first", [False, True])
async def test_a_commit_that_its_deployment_does_not_wait_for_takes_others_from_later_ones_when_it_comes(
    begin: Begin, tmp_path: Path, *, patterns: dict[str, list[str]], hidden_behind: str, restarts: str, is_first: bool
) -> None:
    """It is reached by none that is resolved, the next deployment has no need of it, and it fills no hole.

    It takes also those that have no lead time for their paths.
    """
    shas = build(tmp_path / "shop", [*linear(5), Made(parents=(3,))])
    world = begin(patterns=patterns)
    world.upload(pack_of(tmp_path / "shop", [shas[4]]), shas[4])
    hour = 0 if hidden_behind == "a list" else -61 * 24
    if not is_first:
        world.deploy(shas[0], hour - 1)
    world.deploy(shas[5], hour, **({} if is_first else LISTED))
    world.deploy(shas[1], 1, **(LISTED if hidden_behind == "a list" else {}))
    last = world.deploy(shas[4], 2)
    await world.resolver.work()
    assert world.shas(last) == ([] if patterns else [shas[4], shas[3], shas[2]])
    assert world.shipped(last).left_out == ({"path": 3} if patterns else {})
    if restarts == "before the upload":
        world = begin(patterns=patterns, store=world.store, clock=world.clock)
    world.upload(pack_of(tmp_path / "shop", [shas[5]], [shas[3]]), shas[5])
    if restarts == "after the upload":
        world = begin(patterns=patterns, store=world.store, clock=world.clock)
    await world.resolver.work()
    assert world.shas(last) == ([] if patterns else [shas[4]])
    assert world.shipped(last).left_out == ({"path": 1} if patterns else {})


async def test_commits_that_come_together_leave_what_follows_to_none_of_them(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [*linear(5), Made(parents=(3,)), Made(parents=(3,))])
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shas[4]]), shas[4])
    world.deploy(shas[0], 0)
    for hour, place in ((1, 5), (2, 6), (3, 1)):
        world.deploy(shas[place], hour, **LISTED)
    last = world.deploy(shas[4], 4)
    await world.resolver.work()
    world.upload(pack_of(tmp_path / "shop", shas[5:], [shas[3]]), shas[5])
    await world.resolver.work()
    assert world.shas(last) == [shas[4]]


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_upload_without_the_commit_of_a_list_has_nothing_resolved_again(
    begin: Begin, tmp_path: Path, *, restarts: bool
) -> None:
    """A result that is wrong stays so."""
    shas = build(tmp_path / "shop", [*linear(5), Made(parents=(3,)), Made(parents=(0,))])
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shas[4]]), shas[4])
    for hour, place in enumerate((0, 5, 0, 1)):
        world.deploy(shas[place], hour, **LISTED)
    between, last = world.deploy(shas[3], 4), world.deploy(shas[4], 5)
    await world.resolver.work()
    world.resolver.wake(NAME)
    await world.resolver.work()
    for each in (between, last):
        world.store.apply(Resolution(each, replace(world.shipped(each), commits=())))
    world = begin(store=world.store, clock=world.clock) if restarts else world
    world.upload(pack_of(tmp_path / "shop", [shas[6]], [shas[0]]), shas[6])
    await world.resolver.work()
    assert [world.shas(between), world.shas(last)] == [[], []]


@pytest.mark.parametrize("change", ["late", "deleted", "moved", "corrected"])
async def test_the_next_deployment_is_looked_at_again(world: World, shop: list[str], change: str) -> None:
    world.deploy(shop[1], 0)
    between = world.deploy(shop[3], 1, id="b" * 16)
    last = world.deploy(shop[6], 2)
    if change == "late":
        world.delete(between)
        await world.resolver.work()
        assert len(world.shas(last)) == 5
        world.deploy(shop[3], 1)
        await world.resolver.work()
        assert len(world.shas(last)) == 3
        return
    await world.resolver.work()
    assert world.shipped(last).base == shop[3]
    if change == "deleted":
        world.delete(between)
    elif change == "moved":
        world.deploy(shop[3], 3, id=between)
    else:
        world.deploy(shop[4], 1, id=between)
    await world.resolver.work()
    expected = {"deleted": (1, 5), "moved": (1, 5), "corrected": (4, 2)}[change]
    assert (shop.index(world.shipped(last).base or ""), len(world.shas(last))) == expected


async def test_a_late_deployment_takes_commits_from_more_than_the_next(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((0,)), Made((2,)), Made((3, 1))])
    world = begin()
    world.upload(everything(tmp_path / "shop"), shas[-1])
    ids = [world.deploy(shas[place], hour) for hour, place in ((0, 0), (2, 2), (3, 3), (4, 4))]
    await world.resolver.work()
    assert world.shas(ids[3]) == [shas[1]]
    fix = world.deploy(shas[1], 1)
    await world.resolver.work()
    assert world.shas(fix) == [shas[1]]
    assert world.shas(ids[3]) == []
    world.delete(fix)
    await world.resolver.work()
    assert world.shas(ids[3]) == [shas[1]]


async def test_late_deployments_of_one_commit_that_come_together_take_it_from_a_later_one(
    world: World, shop: list[str]
) -> None:
    """Neither leaves to the other what follows both."""
    world.deploy(shop[0], 5)
    later = world.deploy(shop[1], 6)
    await world.resolver.work()
    assert world.shas(later) == [shop[1]]
    for number in range(2):
        world.deploy(shop[1], number)
    await world.resolver.work()
    assert world.shas(later) == []


async def test_a_late_deployment_on_the_line_concerns_only_the_next(world: World, shop: list[str]) -> None:
    for hour, place in ((0, 0), (2, 2), (3, 3), (4, 4)):
        world.deploy(shop[place], hour)
    await world.resolver.work()
    world.log.records.clear()
    world.deploy(shop[1], 1)
    await world.resolver.work()
    assert len(world.log.records) == 2
