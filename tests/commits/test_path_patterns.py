"""Path patterns: which commits of a monorepo count for a service."""

import asyncio
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commits.histories import Made, build, git, pack_of, packed
from tests.commits.worlds import Begin, World

PATHS = [
    "README",
    "apps/checkout/main.py",
    "apps/checkout/deep/down/here.py",
    "apps/checkout-old/main.py",
    "apps/cart/main.py",
    "apps/notes",
    "libs/shared/a.py",
    "libs/a.py",
    "other/libs/shared/b.py",
]

TABLE = [
    ("apps/checkout/**", {1, 2}),
    ("apps/checkout", {1, 2}),
    ("apps/checkout/", {1, 2}),
    ("/apps/checkout", {1, 2}),
    ("apps/*", {5}),
    ("apps/*/main.py", {1, 3, 4}),
    ("apps/*/**", {1, 2, 3, 4}),
    ("apps/check*/**", {1, 2, 3}),
    ("**/*.py", {1, 2, 3, 4, 6, 7, 8}),
    ("libs/**/*.py", {6, 7}),
    ("**/shared/**", {6, 8}),
    ("*", {0}),
    ("**", set(range(9))),
    ("README", {0}),
    ("nothing/**", set()),
]


@pytest.mark.parametrize(("pattern", "expected"), TABLE)
async def test_only_commits_that_touch_a_pattern_count(
    begin: Begin, tmp_path: Path, pattern: str, expected: set[int]
) -> None:
    made = [Made(files={"first": "1"})]
    made += [Made((place,), files={path: "changed"}) for place, path in enumerate(PATHS)]
    shas = build(tmp_path / "shop", made)
    world = begin(patterns={"checkout": [pattern]})
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[-1], 1)
    unfiltered = world.deploy(shas[0], 0, service="cart"), world.deploy(shas[-1], 1, service="cart")
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[place + 1] for place in expected}
    assert world.shipped(last).left_out.get("path", 0) == len(PATHS) - len(expected)
    assert len(world.shas(unfiltered[1])) == len(PATHS)


async def test_one_of_several_patterns_is_enough(begin: Begin, tmp_path: Path) -> None:
    made = [Made(files={"a": "1"}), Made((0,), files={"b": "1", "c": "1"}), Made((1,), files={"d": "1"})]
    shas = build(tmp_path / "shop", made)
    world = begin(patterns={"checkout": ["x/**", "c"]})
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[-1], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[1]]


async def test_a_deleted_and_a_moved_file_touch_their_old_place(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(files={"a/f": "1", "b/f": "2"})])
    tree = git(tmp_path / "shop", "rev-parse", f"{shas[0]}:b")
    moved = git(tmp_path / "shop", "mktree", given=f"040000 tree {tree}\tc\n".encode())
    shas.append(git(tmp_path / "shop", "commit-tree", moved, "-p", shas[0], "-m", "move"))
    git(tmp_path / "shop", "update-ref", "refs/heads/main", shas[1])
    for pattern, count in (("a", 1), ("b", 1), ("c", 1), ("d", 0)):
        world = begin(patterns={"checkout": [pattern]})
        world.upload(pack_of(tmp_path / "shop", shas), shas[-1])
        world.deploy(shas[0], 0)
        last = world.deploy(shas[1], 1)
        await world.resolver.work()
        assert len(world.shas(last)) == count, pattern


async def test_the_cap_comes_after_the_paths(begin: Begin, tmp_path: Path) -> None:
    made = [Made(), *(Made((place,), files={f"{'ab'[place % 2]}/f": str(place)}) for place in range(5100))]
    shas = build(tmp_path / "shop", made)
    world = begin(patterns={"checkout": ["a"]})
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[-1], 1)
    await world.resolver.work()
    assert len(world.shas(last)) == 2550
    assert world.shipped(last).left_out == {"path": 2550}


async def test_what_a_commit_touched_cannot_be_known_without_its_trees(begin: Begin, tmp_path: Path) -> None:
    made = [Made(), *(Made((place,), files={"apps/f": str(place)}) for place in range(5))]
    shas = build(tmp_path / "shop", made)
    world = begin(patterns={"checkout": ["apps/**"]})
    world.upload(pack_of(tmp_path / "shop", [shas[5]], [shas[3]]), shas[5])
    world.upload(packed(tmp_path / "shop", shas[:4]), shas[3])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[5], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[5]]
    assert world.shipped(last).left_out == {"partial": 4}
    assert world.shipped(last).partial


SEGMENT = st.sampled_from(["a", "b", "ab"])
PATH = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
PATTERN = st.lists(st.sampled_from(["a", "b", "ab", "*", "a*", "**"]), min_size=1, max_size=4).map("/".join)


def matches(pattern: str, path: str) -> bool:
    """The three rules, by way of a regular expression."""
    if "*" not in pattern:
        return path == pattern or path.startswith(f"{pattern}/")
    expression = "/".join(map(segment, pattern.split("/")))
    for wild, meaning in (("<any>/", "(?:.+/)?"), ("/<any>", "/.+"), ("<any>", ".+")):
        expression = expression.replace(wild, meaning)
    return re.fullmatch(expression, path) is not None


def segment(text: str) -> str:
    return "<any>" if text == "**" else re.escape(text).replace(r"\*", "[^/]*")


@given(paths=st.lists(PATH, min_size=1, max_size=8), pattern=PATTERN)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_patterns_mean_what_the_rules_say(paths: list[str], pattern: str) -> None:
    made = [Made(files={"z": "1"})]
    made += [Made((place,), files={f"{path}/leaf": str(place)}) for place, path in enumerate(paths)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shas = build(folder / "shop", made)

        async def live() -> list[str]:
            world = World(folder, patterns={"checkout": [pattern]})
            world.upload(pack_of(folder / "shop", shas[-1:]), shas[-1])
            world.deploy(shas[0], 0)
            last = world.deploy(shas[-1], 1)
            await world.resolver.work()
            found = world.shas(last)
            await world.close()
            return found

        expected = {shas[place + 1] for place, path in enumerate(paths) if matches(pattern, f"{path}/leaf")}
        assert set(asyncio.run(live())) == expected
