"""Histories of every shape in real repositories, against sets made by brute force and, without skew, against Git."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commits.histories import START, Made, ancestors, build, git, pack_of
from tests.commits.worlds import Begin, World

DAY = 86_400

SHAPES: dict[str, tuple[list[Made], int, int]] = {
    "linear": ([Made(), *(Made((place,)) for place in range(5))], 2, 5),
    "merge": ([Made(), Made((0,)), Made((0,)), Made((1, 2)), Made((3,))], 1, 4),
    "merge whose branch is older than the deployment before": (
        [Made(), Made((0,), START + 5), Made((0,), START + 900), Made((2,), START + 1000), Made((3, 1), START + 1100)],
        3,
        4,
    ),
    "long-lived branch": (
        [
            Made(),
            *(Made((place,)) for place in range(6)),
            Made((0,)),
            *(Made((place,)) for place in range(7, 10)),
            Made((6, 10)),
            Made((11,)),
        ],
        5,
        12,
    ),
    "branch merged twice": (
        [Made(), Made((0,)), Made((0,)), Made((1, 2)), Made((2,)), Made((3, 4))],
        3,
        5,
    ),
    "octopus": ([Made(), Made((0,)), Made((0,)), Made((0,)), Made((1, 2, 3)), Made((4,))], 0, 5),
    "squash": ([Made(), Made((0,)), Made((1,)), Made((0,), message="Both (#1)")], 0, 3),
    "rebase": (
        [Made(), Made((0,), START + 60), Made((0,)), Made((2,), START + 60, START + 9000)],
        2,
        3,
    ),
    "cherry-pick": ([Made(), Made((0,), START + 60), Made((0,)), Made((2,), START + 60, START + 9000)], 1, 3),
    "force push": ([Made(), Made((0,)), Made((1,)), Made((0,)), Made((3,))], 2, 4),
    "rollback": ([Made(), Made((0,)), Made((1,)), Made((2,))], 3, 1),
    "redeploy": ([Made(), Made((0,))], 1, 1),
    "no common past": ([Made(), Made((0,)), Made(), Made((2,))], 1, 3),
    "several roots joined": ([Made(), Made((0,)), Made(), Made((1, 2)), Made((3,))], 1, 4),
    "sub-folders": ([Made(files={"apps/a/b/c": "1"}), Made((0,), files={"apps/x": "1"}), Made((1,))], 0, 2),
    "clock skew": (
        [Made(), Made((0,), START - 20 * DAY), Made((1,), START + 5 * DAY), Made((2,), START - 9 * DAY), Made((3,))],
        2,
        4,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_histories_of_every_shape(shape: str, begin: Begin, tmp_path: Path) -> None:
    made, before, after = SHAPES[shape]
    shas = build(tmp_path / "shop", made)
    world = begin()
    world.upload(pack_of(tmp_path / "shop", ["--all"]), shas[-1])
    world.deploy(shas[before], 0)
    deployed = world.deploy(shas[after], 1)
    await world.resolver.work()
    expected = shipped_by_brute_force(made, [before], after)
    assert set(world.shas(deployed)) == {shas[place] for place in expected}
    assert world.shas(deployed) == git_log(tmp_path / "shop", shas[before], shas[after])
    for commit in world.shipped(deployed).commits:
        author_time = made[shas.index(commit.sha)].authored_at
        assert author_time is None or commit.authored_at == author_time * 1000


async def test_a_repository_of_long_names(begin: Begin, tmp_path: Path) -> None:
    made, before, after = SHAPES["merge"]
    shas = build(tmp_path / "shop", made, object_format="sha256")
    world = begin()
    world.upload(pack_of(tmp_path / "shop", ["--all"]), shas[-1])
    world.deploy(shas[before], 0)
    deployed = world.deploy(shas[after], 1)
    await world.resolver.work()
    assert world.shas(deployed) == git_log(tmp_path / "shop", shas[before], shas[after])


def shipped_by_brute_force(made: Sequence[Made], before: Sequence[int], after: int) -> set[int]:
    """The places of the commits that are in one past and not in the others, without merges."""
    found = ancestors(made, after).difference(*(ancestors(made, each) for each in before))
    return {place for place in found if len(made[place].parents) < 2}


def git_log(folder: Path, before: str, after: str) -> list[str]:
    """What Git says. It goes by dates, so clocks must not be skewed much."""
    return git(folder, "log", "--topo-order", "--no-merges", "--format=%H", f"{before}..{after}").split()


@st.composite
def skewed(draw: st.DrawFn) -> list[Made]:
    """Random commits with two roots at most, made by people whose clocks are days apart."""
    size = draw(st.integers(2, 16))
    made = []
    for place in range(size):
        parents = draw(st.lists(st.integers(0, place - 1), min_size=1, max_size=3, unique=True)) if place else []
        clock = START + place * 60 + draw(st.sampled_from([0, 0, 10 * DAY, -10 * DAY]))
        made.append(Made(tuple(parents), clock, clock))
    return made


@given(data=st.data(), made=skewed())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_histories_deployed_in_random_order(data: st.DataObject, made: list[Made]) -> None:
    """Deployments come late, are deleted and moved; history comes in two packs. In the end only the facts count."""
    places = st.integers(0, len(made) - 1)
    deployed = data.draw(st.lists(st.tuples(places, st.integers(0, 20)), min_size=1, max_size=8))
    gone = data.draw(st.sets(st.sampled_from(range(len(deployed))), max_size=2))
    moved = data.draw(st.dictionaries(st.sampled_from(range(len(deployed))), st.integers(0, 20), max_size=2))
    listed = data.draw(st.sets(st.sampled_from(range(len(deployed))), max_size=4))
    restarts = data.draw(st.booleans())
    first_pack = data.draw(places)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shas = build(folder / "shop", made)

        def deploy(world: World, each: int, place: int, hour: float) -> str:
            return world.deploy(shas[place], hour, id=f"d{each}", commits=() if each in listed else None)

        async def live() -> None:
            world = World(folder)
            half = len(deployed) // 2
            ids = [deploy(world, each, place, hour) for each, (place, hour) in enumerate(deployed[:half])]
            world.upload(pack_of(folder / "shop", [shas[first_pack]]), shas[first_pack])
            await world.resolver.work()
            later = enumerate(deployed[half:], half)
            ids += [deploy(world, each, place, hour) for each, (place, hour) in later]
            await world.resolver.work()
            for each in gone:
                world.delete(ids[each])
            await world.resolver.work()
            if restarts:
                await world.close()
                world = World(folder, store=world.store, clock=world.clock)
            world.upload(pack_of(folder / "shop", ["--all"], [shas[first_pack]]), shas[-1])
            for each, hour in moved.items():
                if each not in gone:
                    deploy(world, each, deployed[each][0], hour)
            await world.resolver.work()
            facts = sorted(
                (moved.get(n, hour), ids[n], place) for n, (place, hour) in enumerate(deployed) if n not in gone
            )
            for place, (_, deployment_id, commit) in enumerate(facts):
                if int(deployment_id[1:]) in listed:
                    assert world.held(deployment_id).commits == ()
                elif place:
                    expected = shipped_by_brute_force(made, [before for _, _, before in facts[:place]], commit)
                    assert set(world.shas(deployment_id)) == {shas[each] for each in expected}
                    assert world.shipped(deployment_id).base == shas[facts[place - 1][2]]
                else:
                    assert world.shipped(deployment_id).left_out == {"first": 1}
            assert world.resolver.pending == 0
            await world.close()

        asyncio.run(live())
