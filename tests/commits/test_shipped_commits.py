"""What deployments shipped, by the history of their repository."""

from pathlib import Path

from tests.builders import NOW_MS
from tests.commits.histories import START, Made, build, everything, extend, git, linear, pack_of, packed
from tests.commits.worlds import Begin, World

from dora_exporter.commits.shipped_commits import rule
from dora_exporter.dora.events import Commit
from dora_exporter.dora.records import RETENTION, Deletion


async def test_a_deployment_ships_what_came_since_the_one_before_it(world: World, shop: list[str]) -> None:
    first, second = world.deploy(shop[1], 0), world.deploy(shop[4], 1)
    await world.resolver.work()
    assert world.shipped(first).left_out == {"first": 1}
    assert world.shipped(second).base == shop[1]
    assert world.shipped(second).commits == tuple(
        Commit(shop[place], (START + place * 3600) * 1000, subject=f"Change {place}") for place in (4, 3, 2)
    )


async def test_series_and_repositories_have_lines_of_their_own(world: World, shop: list[str], tmp_path: Path) -> None:
    world.upload(everything(tmp_path / "shop"), shop[-1], "git.example/other")
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
    world.upload(everything(tmp_path / "shop"), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[4], 1)
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[1], shas[2]}
    assert world.shipped(last).left_out == {"merge": 2}


async def test_the_newest_five_thousand_count(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), *(Made((place,), files={"f": str(place)}) for place in range(5003))])
    world = begin()
    world.upload(everything(tmp_path / "shop"), shas[-1])
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
    world.upload(everything(tmp_path / "shop"), third)
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
