"""The resolver: what deployments shipped, when that is found out, and when it is found out anew."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.builders import HOUR_MS, NOW_MS, ManualClock
from tests.commits.histories import START, Made, build, extend, git, linear, pack_of, packed
from tests.commits.worlds import NAME, Begin, World

from dora_exporter.commits.shipped_commits import rule
from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Deployment
from dora_exporter.dora.records import RETENTION, Deletion, Resolution
from dora_exporter.dora.store import EventStore


@pytest.fixture
def shop(tmp_path: Path) -> list[str]:
    """The SHAs of ten commits one after the other, in the repository ``shop``."""
    return build(tmp_path / "shop", linear(10))


def everything(tmp_path: Path) -> bytes:
    return pack_of(tmp_path / "shop", ["--all"])


@pytest.fixture
async def world(begin: Begin, shop: list[str], tmp_path: Path) -> World:
    """A resolver that has all commits of the shop."""
    world = begin()
    world.upload(everything(tmp_path), shop[-1])
    return world


async def test_a_deployment_ships_what_came_since_the_one_before_it(world: World, shop: list[str]) -> None:
    first, second = world.deploy(shop[1], 0), world.deploy(shop[4], 1)
    await world.resolver.work()
    assert world.shipped(first).left_out == {"first": 1}
    assert world.shipped(second).base == shop[1]
    assert world.shipped(second).commits == tuple(
        Commit(shop[place], (START + place * 3600) * 1000, subject=f"Change {place}") for place in (4, 3, 2)
    )


async def test_series_and_repositories_have_lines_of_their_own(world: World, shop: list[str], tmp_path: Path) -> None:
    world.upload(everything(tmp_path), shop[-1], "git.example/other")
    world.deploy(shop[1], 0)
    elsewhere = [
        world.deploy(shop[4], 1, service="cart"),
        world.deploy(shop[4], 1, environment="staging"),
        world.deploy(shop[4], 1, repository="git.example/other"),
    ]
    await world.resolver.work()
    assert [world.shipped(each).left_out for each in elsewhere] == [{"first": 1}] * 3


async def test_what_retention_drops_takes_no_lead_time_from_what_came_after_it(world: World, shop: list[str]) -> None:
    first, second = world.deploy(shop[1], 0), world.deploy(shop[4], 1)
    await world.resolver.work()
    await world.log.append([Deletion("deployment", first, NOW_MS, RETENTION)])
    await world.resolver.work()
    assert world.shipped(second).base == shop[1]
    assert len(world.shas(second)) == 3


async def test_a_deployment_without_git_data_is_passed_over(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    world.deploy(shop[1], 0.2, commit_sha=None)
    world.deploy(shop[1], 0.4, repository=None)
    world.deploy("ab" * 21, 0.6)
    world.deploy(shop[2], 0.8, outcome="failed")
    last = world.deploy(shop[4], 1)
    await world.resolver.work()
    assert world.shipped(last).base == shop[1]
    assert len(world.shas(last)) == 3


async def test_two_that_come_together_leave_what_follows_to_neither_of_them(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 1)
    last = world.deploy(shop[3], 2)
    await world.resolver.work()
    assert len(world.shas(last)) == 2
    for hours in (0.1, 0.2):
        world.deploy(shop[4], hours, commits=())
    await world.resolver.work()
    assert world.shas(last) == []


async def test_nothing_is_shipped_after_sixty_days_and_it_is_not_shipped_later(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    in_time = world.deploy(shop[4], 60 * 24)
    too_late = world.deploy(shop[6], 120 * 24 + 0.001)
    after = world.deploy(shop[8], 121 * 24)
    await world.resolver.work()
    assert len(world.shas(in_time)) == 3
    assert world.shipped(too_late).commits == ()
    assert world.shipped(too_late).left_out == {"gap": 1}
    assert world.shas(after) == [shop[8], shop[7]]


async def test_what_was_shipped_before_is_not_shipped_again(world: World, shop: list[str]) -> None:
    order = [1, 5, 3, 5, 7]
    ids = [world.deploy(shop[place], hour) for hour, place in enumerate(order)]
    await world.resolver.work()
    assert [world.shas(each) for each in ids] == [[], [shop[5], shop[4], shop[3], shop[2]], [], [], [shop[7], shop[6]]]


async def test_merges_are_kept_for_the_reverts_that_name_them(begin: Begin, tmp_path: Path) -> None:
    world = begin()
    message = "Merge pull request #7 from acme/prices\n\nRound up"
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((0,)), Made((1, 2), message=message), Made((3,))])
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[4], 1)
    await world.resolver.work()
    assert [(each.sha, each.subject) for each in world.shipped(last).merges] == [(shas[3], "Round up (#7)")]
    assert shas[3] not in world.shas(last)


async def test_merges_are_left_out_and_counted(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((0,)), Made((1, 2)), Made((3, 0))])
    world = begin()
    world.upload(everything(tmp_path), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[4], 1)
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[1], shas[2]}
    assert world.shipped(last).left_out == {"merge": 2}


async def test_the_newest_five_thousand_count(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), *(Made((place,), files={"f": str(place)}) for place in range(5003))])
    world = begin()
    world.upload(everything(tmp_path), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[-1], 1)
    await world.resolver.work()
    assert world.shas(last) == shas[:3:-1]
    assert world.shipped(last).left_out == {"cap": 3}
    assert len(world.shas(last)) == rule.MAX_COMMITS


async def test_what_a_commit_says_is_kept(begin: Begin, tmp_path: Path) -> None:
    first = build(tmp_path / "shop", [Made()])[0]
    message = f'Revert "Change 0"\nand more\n\nThis reverts commit {first}.\n'
    second = extend(tmp_path / "shop", [Made((-1,), START + 7, START + 99, message=message)], onto=[first])[0]
    third = extend(tmp_path / "shop", [Made((-1,), START + 8, message="x" * 1000 + "\x07\n")], onto=[second])[0]
    world = begin()
    world.upload(everything(tmp_path), third)
    world.deploy(first, 0)
    last = world.deploy(third, 1)
    await world.resolver.work()
    assert world.shipped(last).commits == (
        Commit(third, (START + 8) * 1000, subject="x" * 300),
        Commit(second, (START + 7) * 1000, subject='Revert "Change 0" and more', reverts=first),
    )


async def test_a_commit_without_a_readable_time_is_counted(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(1))
    tree = git(tmp_path / "shop", "rev-parse", f"{shas[0]}^{{tree}}")
    raw = f"tree {tree}\nparent {shas[0]}\nauthor nobody\ncommitter nobody\n\nodd\n".encode()
    odd = git(tmp_path / "shop", "hash-object", "--literally", "-w", "-t", "commit", "--stdin", given=raw)
    world = begin()
    world.upload(packed(tmp_path / "shop", [odd, *shas]), odd)
    world.deploy(shas[0], 0)
    last = world.deploy(odd, 1)
    await world.resolver.work()
    assert world.shipped(last).left_out == {"malformed": 1}
    assert world.shas(last) == []


async def test_hostile_objects_spoil_no_others(begin: Begin, shop: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    odd = []
    for number, parent in enumerate(("HEAD", "z" * 40, "\xff" * 40, "a" * 400_000)):
        raw = f"tree {'1' * 40}\nparent {parent}\nauthor x {number} +0000\n\nodd\n".encode("latin-1")
        odd.append(git(folder, "hash-object", "--literally", "-w", "-t", "commit", "--stdin", given=raw))
    tag = f"object {'1' * 40}\ntype commit\ntag x\ntagger x <x> 0 +0000\n\nx\n".encode()
    odd.append(git(folder, "hash-object", "--literally", "-w", "-t", "tag", "--stdin", given=tag))
    world = begin()
    world.upload(packed(folder, [*odd, *shop]), odd[0])
    world.deploy(shop[1], 0)
    last = world.deploy(shop[4], 1)
    strange = world.deploy(odd[3], 2)
    await world.resolver.work()
    assert len(world.shas(last)) == 3
    assert world.shas(strange) == []
    assert world.shipped(strange).left_out == {"malformed": 1}


async def test_a_list_given_by_the_sender_is_not_looked_at(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    given = world.deploy(shop[4], 1, commits=(Commit(shop[4], 5),))
    last = world.deploy(shop[6], 2)
    await world.resolver.work()
    assert world.held(given).shipped is None
    assert world.shas(last) == [shop[6], shop[5]]
    assert world.resolver.pending == 0


async def test_a_list_that_is_taken_back_is_replaced_by_what_git_says(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    given = world.deploy(shop[4], 1, id="d" * 16, commits=(Commit(shop[4], 5),))
    await world.resolver.work()
    world.deploy(shop[4], 1, id="d" * 16)
    await world.resolver.work()
    assert len(world.shas(given)) == 3


async def test_a_list_that_is_taken_back_hides_nothing_that_changed_meanwhile(world: World, shop: list[str]) -> None:
    world.deploy(shop[1], 0)
    between = world.deploy(shop[2], 1)
    last = world.deploy(shop[4], 2, id="d" * 16)
    await world.resolver.work()
    assert world.shas(last) == [shop[4], shop[3]]
    world.deploy(shop[4], 2, id="d" * 16, commits=(Commit(shop[4], 5),))
    world.delete(between)
    await world.resolver.work()
    world.deploy(shop[4], 2, id="d" * 16)
    await world.resolver.work()
    assert world.shas(last) == [shop[4], shop[3], shop[2]]


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
    world.upload(everything(tmp_path), shas[4])
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


@pytest.mark.parametrize("hidden_behind", ["a list", "a gap"])
@pytest.mark.parametrize("restarts", ["never", "before the upload", "after the upload"])
@pytest.mark.parametrize("is_first", [False, True])
async def test_a_commit_that_its_deployment_does_not_wait_for_takes_others_from_later_ones_when_it_comes(
    begin: Begin, tmp_path: Path, *, hidden_behind: str, restarts: str, is_first: bool
) -> None:
    """It is reached by none that is resolved, the next deployment has no need of it, and it fills no hole."""
    shas = build(tmp_path / "shop", [*linear(5), Made(parents=(3,))])
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shas[4]]), shas[4])
    hour = 0 if hidden_behind == "a list" else -61 * 24
    if not is_first:
        world.deploy(shas[0], hour - 1)
    world.deploy(shas[5], hour, **({} if is_first else LISTED))
    world.deploy(shas[1], 1, **(LISTED if hidden_behind == "a list" else {}))
    last = world.deploy(shas[4], 2)
    await world.resolver.work()
    assert world.shas(last) == [shas[4], shas[3], shas[2]]
    world = begin(store=world.store, clock=world.clock) if restarts == "before the upload" else world
    world.upload(pack_of(tmp_path / "shop", [shas[5]], [shas[3]]), shas[5])
    if restarts == "after the upload":
        world = begin(store=world.store, clock=world.clock)
        world.resolver.wake(NAME)
    await world.resolver.work()
    assert world.shas(last) == [shas[4]]


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
    world.upload(everything(tmp_path), shas[-1])
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
    world.upload(everything(tmp_path), shop[-1])
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


async def test_history_that_was_cut_off_is_partial_until_it_comes(begin: Begin, tmp_path: Path) -> None:
    """A long-lived branch whose older part was not uploaded: its merge stays a merge, its present parent counts."""
    made = [Made(), Made((0,)), Made((0,)), Made((2,)), Made((3,)), Made((1, 4)), Made((5,))]
    shas = build(tmp_path / "shop", made)
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[place] for place in (0, 1, 4, 5, 6)]), shas[6])
    world.deploy(shas[1], 0)
    last = world.deploy(shas[6], 1)
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[4], shas[6]}
    assert world.shipped(last).left_out == {"merge": 1, "partial": 1}
    assert world.shipped(last).partial
    world.upload(packed(tmp_path / "shop", [shas[2], shas[3]]), shas[3])
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[place] for place in (2, 3, 4, 6)}
    assert not world.shipped(last).partial


@pytest.mark.parametrize("restarts", [False, True])
async def test_what_was_shipped_through_a_hole_before_is_not_shipped_again_once_the_hole_is_filled(
    begin: Begin, shop: list[str], tmp_path: Path, *, restarts: bool
) -> None:
    world = begin()
    world.upload(packed(tmp_path / "shop", [shop[0], shop[1], shop[3]]), shop[3])
    world.deploy(shop[3], 0)
    last = world.deploy(shop[1], 1)
    await world.resolver.work()
    assert world.shas(last) == [shop[1], shop[0]]
    world = begin(store=world.store) if restarts else world
    world.upload(packed(tmp_path / "shop", [shop[2]]), shop[2])
    await world.resolver.work()
    assert world.shas(last) == []


async def test_commits_whose_folders_come_later_are_looked_into_again(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin(patterns={"checkout": ["files/**"]})
    world.upload(packed(tmp_path / "shop", shop[:4]), shop[3])
    world.deploy(shop[0], 0)
    last = world.deploy(shop[3], 1)
    await world.resolver.work()
    assert world.shipped(last).left_out == {"partial": 3}
    world.upload(pack_of(tmp_path / "shop", [shop[3]]), shop[3])
    await world.resolver.work()
    assert world.shas(last) == [shop[3], shop[2], shop[1]]


async def test_the_first_commit_of_a_series_that_comes_late_counts_for_all_behind_it(
    begin: Begin, tmp_path: Path
) -> None:
    """Also behind one whose history has nothing to do with it."""
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((1,)), Made((0,))])
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[0], shas[1], shas[3]]), shas[3])
    world.deploy(shas[3], 1)
    last = world.deploy(shas[1], 2)
    await world.resolver.work()
    world.deploy(shas[2], 0)
    await world.resolver.work()
    assert world.shas(last) == [shas[1]]
    world.upload(packed(tmp_path / "shop", [shas[2]]), shas[2])
    await world.resolver.work()
    assert world.shas(last) == []


async def test_a_missing_commit_that_was_deployed_before_is_not_counted_as_missing(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    """Also where another deployment is between the one that came late and the one that reaches its commit."""
    world = begin()
    world.upload(packed(tmp_path / "shop", [shop[0], shop[3]]), shop[3])
    world.deploy(shop[0], 1)
    world.deploy(shop[0], 2)
    last = world.deploy(shop[3], 3)
    await world.resolver.work()
    assert world.shipped(last).left_out == {"partial": 1}
    world.deploy(shop[2], 0)
    await world.resolver.work()
    assert world.shipped(last).left_out == {}


async def test_a_merge_of_which_one_parent_was_cut_off_stays_a_merge(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((0,)), Made((1, 2))])
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[0], shas[1], shas[3]]), shas[3])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[3], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[1]]
    assert world.shipped(last).left_out == {"merge": 1, "partial": 1}


async def test_history_cut_off_below_the_deployment_before_is_whole_enough(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin()
    world.upload(packed(tmp_path / "shop", shop[4:]), shop[-1])
    world.deploy(shop[5], 0)
    last = world.deploy(shop[8], 1)
    await world.resolver.work()
    assert world.shas(last) == [shop[8], shop[7], shop[6]]
    assert not world.shipped(last).partial


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
    world.upload(everything(tmp_path), shop[-1])
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
    world.upload(everything(tmp_path), shop[-1])
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
