"""What a deployment shipped, where a catalogue makes one series of several."""

from pathlib import Path
from random import Random

import pytest
from tests.commits.histories import Made, build, pack_of
from tests.commits.worlds import Begin, World

from dora_exporter.commits.shipped_commits.commit_filter import CommitFilter
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.spellings import Entry

RENAMED = Catalogue(services=(Entry("checkout", aliases=("till",)),))
WITHOUT_TILL = Catalogue(services=(Entry("till", ignore=True),))


@pytest.fixture
def shop(tmp_path: Path) -> list[str]:
    """The SHAs of nine commits; the last three are on a branch of their own that starts at the fourth."""
    parents: list[tuple[int, ...]] = [(), (0,), (1,), (2,), (3,), (4,), (3,), (6,), (7,)]
    return build(tmp_path / "shop", [Made(each) for each in parents])


def upload(world: World, shop: list[str], tmp_path: Path) -> None:
    for head in (shop[5], shop[8]):
        world.upload(pack_of(tmp_path / "shop", [head]), head)


async def deployed(world: World, shop: list[str], tmp_path: Path) -> list[str]:
    """The renamed service: deployed as the till, then as the checkout, and once more under each name."""
    upload(world, shop, tmp_path)
    names = [("till", 0), ("till", 3), ("checkout", 4), ("till", 5), ("checkout", 8)]
    ids = [world.deploy(shop[place], hour, service=name) for hour, (name, place) in enumerate(names)]
    await world.resolver.work()
    return ids


def found(world: World, ids: list[str]) -> list[list[str]]:
    return [world.shas(each) for each in ids]


async def test_a_renamed_service_ships_what_came_since_its_last_deployment_under_any_name(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin(catalogue=RENAMED)
    ids = await deployed(world, shop, tmp_path)

    assert found(world, ids) == [[], shop[3:0:-1], [shop[4]], [shop[5]], shop[8:5:-1]]
    assert world.shipped(ids[0]).left_out == {"first": 1}


async def test_a_catalogue_that_comes_at_a_reload_or_at_a_start_and_goes_again_leaves_nothing_behind(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    early, without, late = begin(catalogue=RENAMED), begin(), begin()
    ids = await deployed(early, shop, tmp_path)
    for other in (without, late):
        assert await deployed(other, shop, tmp_path) == ids
    renamed, as_sent = found(early, ids), found(without, ids)
    assert renamed != as_sent

    for catalogue, expected in ((RENAMED, renamed), (NO_CATALOGUE, as_sent), (RENAMED, renamed)):
        await late.resolver.use(CommitFilter(catalogue=catalogue))
        await late.resolver.work()
        assert found(late, ids) == expected

    store = late.store
    for catalogue, expected in ((NO_CATALOGUE, as_sent), (RENAMED, renamed), (RENAMED, renamed)):
        store.observers.remove(late.resolver.observe)
        late = begin(store=store, catalogue=catalogue)
        await late.resolver.work()
        assert found(late, ids) == expected
    assert late.log.records == []


async def test_a_deployment_that_is_ignored_ships_nothing_and_is_before_none(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin(catalogue=WITHOUT_TILL)
    ids = await deployed(world, shop, tmp_path)

    assert world.held(ids[1]).shipped is None
    assert world.shas(ids[4]) == shop[8:5:-1]
    await world.resolver.use(CommitFilter())
    await world.resolver.work()
    assert world.shas(ids[1]) == shop[3:0:-1]


@pytest.mark.parametrize("seed", range(12))
async def test_what_is_deployed_while_names_change_is_resolved_as_if_they_never_had(
    begin: Begin, shop: list[str], tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    late, early = begin(), begin(catalogue=RENAMED)
    for world in (late, early):
        upload(world, shop, tmp_path)
    ids = []
    for hour in random.sample(range(30), 12):
        sha, service = random.choice(shop), random.choice(["till", "checkout"])
        ids.append(late.deploy(sha, hour, service=service))
        early.deploy(sha, hour, service=service)
        if random.random() < 0.3:
            catalogue = random.choice([NO_CATALOGUE, RENAMED, WITHOUT_TILL])
            await late.resolver.use(CommitFilter(catalogue=catalogue))
        if random.random() < 0.5:
            await late.resolver.work()
    await late.resolver.use(CommitFilter(catalogue=RENAMED))
    await late.resolver.work()
    await early.resolver.work()

    assert found(late, ids) == found(early, ids)
