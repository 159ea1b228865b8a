"""Deployments of several repositories: the commits of each are found out by themselves, and count together."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import HOUR_MS, NOW_MS, deployment, done
from tests.commits.histories import Made, build, linear, pack_of
from tests.commits.worlds import NAME, Begin, World

from dora_exporter.commits.settings import RepositorySettings
from dora_exporter.dora.events import Checkout, Commit, Deployment, PullRequest, Shipped
from dora_exporter.dora.failures.commit_text import commits_of
from dora_exporter.dora.failures.first_shipments import FirstShipments
from dora_exporter.dora.lead_time_stages import stages_of
from dora_exporter.dora.records import Resolution
from dora_exporter.dora.repository_parts import checkouts_of, parts_of, still_true, views_of, with_part
from dora_exporter.dora.store import EventStore

OTHER = "git.example/shop/config"
GONE = "f" * 40


@pytest.fixture
def code(tmp_path: Path) -> list[str]:
    """The SHAs of what runs."""
    return build(tmp_path / "code", linear(6))


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    """The SHAs of what configures it."""
    return build(
        tmp_path / "config", [Made((place - 1,) if place else (), message=f"Set {place}") for place in range(6)]
    )


def upload(world: World, folder: Path, name: str = NAME) -> None:
    world.upload(pack_of(folder, ["--all"]), head_of(folder), name)


def head_of(folder: Path) -> str:
    return (folder / "refs/heads/main").read_text().strip()


def together(sha: str) -> tuple[Checkout, ...]:
    return (Checkout(OTHER, sha),)


def shas(event: Deployment) -> list[str]:
    return [commit.sha for commit in commits_of(event)]


async def test_a_deployment_ships_the_commits_of_all_its_repositories(
    begin: Begin, code: list[str], config: list[str], tmp_path: Path
) -> None:
    world = begin()
    upload(world, tmp_path / "code")
    upload(world, tmp_path / "config", OTHER)
    world.deploy(code[0], 0, further=together(config[1]))
    second = world.deploy(code[1], 1, further=together(config[3]))
    alone = world.deploy(code[2], 2)
    third = world.deploy(code[2], 3, further=together(config[4]))
    await world.resolver.work()
    assert shas(world.held(second)) == [code[1], config[3], config[2]]
    assert shas(world.held(alone)) == [code[2]]
    assert shas(world.held(third)) == [config[4]]
    assert [part.base for part in parts_of(world.held(third).shipped)] == [code[2], config[3]]
    again = begin(store=world.store)
    await again.resolver.work()
    assert again.log.records == []


async def test_each_repository_is_waited_for_by_itself(
    begin: Begin, code: list[str], config: list[str], tmp_path: Path
) -> None:
    world = begin()
    upload(world, tmp_path / "config", OTHER)
    world.deploy(code[0], 0, further=together(config[0]))
    second = world.deploy(code[1], 1, further=together(config[1]))
    await world.resolver.work()
    shipped = world.shipped(second)
    assert (shipped.is_awaited, shas(world.held(second))) == (True, [config[1]])
    upload(world, tmp_path / "code")
    await world.resolver.work()
    assert (world.shipped(second).is_awaited, shas(world.held(second))) == (False, [code[1], config[1]])


async def test_a_commit_that_never_comes_costs_only_its_repository(
    begin: Begin, code: list[str], config: list[str], tmp_path: Path
) -> None:
    world = begin()
    upload(world, tmp_path / "code")
    upload(world, tmp_path / "config", OTHER)
    world.deploy(code[0], 0, further=together(config[0]))
    second = world.deploy(code[1], 1, further=together(GONE))
    await world.resolver.work()
    assert shas(world.held(second)) == [code[1]]
    assert world.resolver.pending == 1


async def test_what_changes_in_one_repository_leaves_the_other_as_it_was(
    begin: Begin, code: list[str], config: list[str], tmp_path: Path
) -> None:
    world = begin()
    upload(world, tmp_path / "code")
    upload(world, tmp_path / "config", OTHER)
    world.deploy(code[0], 0, further=together(config[0]))
    second = world.deploy(code[1], 1, id="b" * 16, further=together(config[1]))
    third = world.deploy(code[3], 2, further=together(config[3]))
    await world.resolver.work()
    world.log.records.clear()
    world.deploy(code[1], 1, id=second, further=together(config[2]))
    assert shas(world.held(second)) == [code[1]]
    await world.resolver.work()
    assert shas(world.held(second)) == [code[1], config[2], config[1]]
    assert shas(world.held(third)) == [code[3], code[2], config[3]]
    resolutions = [each for each in world.log.records if isinstance(each, Resolution)]
    assert {each.shipped.repository for each in resolutions if each.shipped} == {OTHER}
    world.deploy(code[1], 1, id=second)
    await world.resolver.work()
    assert shas(world.held(second)) == [code[1]]
    assert shas(world.held(third)) == [code[3], code[2], config[3], config[2], config[1]]
    world.delete(second)
    await world.resolver.work()
    assert shas(world.held(third)) == [code[3], code[2], code[1], config[3], config[2], config[1]]


async def test_two_names_of_one_repository_count_once(begin: Begin, code: list[str], tmp_path: Path) -> None:
    world = begin(configured={"code": RepositorySettings(url=f"file://{tmp_path}/code", aliases=(NAME, OTHER))})
    world.deploy(code[0], 0, further=together(code[0]))
    second = world.deploy(code[1], 1, further=together(code[1]))
    await world.resolver.work()
    assert shas(world.held(second)) == [code[1]]


def test_the_same_commit_of_two_repositories_was_shipped_twice_and_never_again() -> None:
    parts = (Shipped(NAME, "a", (Commit("a", 5),)), Shipped(OTHER, "a", (Commit("a", 5), Commit("b", 6))))
    event = deployment(repository=NAME, commit_sha="a", further=together("a"))
    for part in parts:
        event = replace(event, shipped=with_part(event, part))
    later = deployment(id="later", finished_at=NOW_MS + HOUR_MS, shipped=parts[0])
    shipments = FirstShipments()
    done(shipments.adding(event))
    done(shipments.adding(later))
    assert [commit.sha for commit, _ in shipments.samples(event)].count("a") == 2
    assert [*shipments.samples(later)] == []
    done(shipments.removing(event))
    assert [commit.sha for commit, _ in shipments.samples(later)] == ["a"]


def test_pull_requests_belong_to_the_commits_of_their_repository() -> None:
    requests = [PullRequest(merged_at=NOW_MS - 9000), PullRequest(merged_at=NOW_MS - 5000)]
    event = deployment(repository=NAME, commit_sha="a", further=together("b"), started_at=NOW_MS, finished_at=NOW_MS)
    for name, sha, request in zip((NAME, OTHER), "ab", requests, strict=True):
        commits = (Commit(sha, NOW_MS - 20_000, pull_request=0),)
        event = replace(event, shipped=with_part(event, Shipped(name, sha, commits, pull_requests=(request,))))
    assert [*stages_of(event, commits_of(event))] == [("time_to_deploy", 9000), ("time_to_deploy", 5000)]


names = st.sampled_from(["a", "b", "c"])
checkouts = st.lists(st.builds(Checkout, names, st.sampled_from("12")), unique_by=lambda each: each.repository)
parts = st.builds(Shipped, names, st.sampled_from("12"), st.sampled_from([(), (Commit("9", 1),)]))


def naming(named: list[Checkout]) -> Deployment:
    first = named[0] if named else None
    return deployment(
        repository=first.repository if first else None,
        commit_sha=first.commit_sha if first else None,
        further=tuple(named[1:]),
    )


@given(checkouts, st.lists(parts, max_size=6), checkouts)
def test_a_deployment_has_the_latest_part_of_each_commit_that_it_names(
    named: list[Checkout], found: list[Shipped], corrected: list[Checkout]
) -> None:
    event = naming(named)
    for part in found:
        event = replace(event, shipped=with_part(event, part))
    latest = {(part.repository, part.commit_sha): part for part in found}
    assert [view.shipped for view in views_of(event)][: len(named)] == [
        latest.get((each.repository, each.commit_sha)) for each in named
    ]
    again = naming(corrected)
    again = replace(again, shipped=still_true(event.shipped, again))
    held = {(each.repository, each.commit_sha) for each in checkouts_of(event)}
    assert list(parts_of(again.shipped)) == [
        latest[each.repository, each.commit_sha]
        for each in corrected
        if (each.repository, each.commit_sha) in held & latest.keys()
    ]


def test_a_deployment_that_is_sent_again_keeps_what_still_holds() -> None:
    store = EventStore()
    event = deployment(repository=NAME, commit_sha="a" * 40, further=together("b" * 40))
    store.apply(event)
    for name, sha in ((NAME, "a" * 40), (OTHER, "b" * 40)):
        held = store.deployments[event.id]
        store.apply(replace(held, shipped=with_part(held, Shipped(name, sha, (Commit(sha, 1),)))))
    store.apply(replace(event, further=()))
    assert shas(store.deployments[event.id]) == ["a" * 40]
