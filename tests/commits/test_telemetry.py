"""The families about commits and repositories."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from tests.builders import HOUR_MS, NOW_MS, deployment
from tests.commits.histories import START, Made, build, linear, pack_of
from tests.commits.worlds import Begin, World

from dora_exporter.app.telemetry import CommitCounts, CommitsCollector
from dora_exporter.commits.settings import RepositorySettings
from dora_exporter.dora.events import Commit
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import batches_as_of_now


def samples(world: World, counts: CommitCounts) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(
        CommitsCollector(
            counts=counts,
            resolver=lambda: world.resolver,
            pull_request_resolver=lambda: None,
            repositories=world.repositories,
        )
    )
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    return {
        name.removeprefix("dora_exporter_"): float(value) for name, value in (line.rsplit(" ", 1) for line in lines)
    }


async def nothing_held() -> CommitCounts:
    counts = CommitCounts()
    await counts.load(iter(()))
    return counts


async def test_what_became_of_deployments_and_commits(begin: Begin, tmp_path: Path) -> None:
    old = START - 90 * 86_400
    made = [Made((), old), Made((0,), old), Made((0,), old + 1), Made((1, 2), old), Made((3,), START * 2)]
    shas = build(tmp_path / "shop", made)
    world = begin()
    counts = await nothing_held()
    world.store.observers.add(counts.observe)
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    world.deploy(shas[0], 0)
    between = world.deploy(shas[4], 1)
    world.deploy(shas[4], 1 + 61 * 24)
    world.deploy("f" * 40, 2 + 61 * 24)
    world.deploy(shas[0], 3, service="cart", commits=(Commit(shas[0], 0), Commit(shas[1], 1 << 50)))
    await world.resolver.work()
    found = samples(world, counts)
    assert {name: value for name, value in found.items() if name.startswith("commit_resolutions")} == {
        'commit_resolutions{state="resolved"}': 3,
        'commit_resolutions{state="pending"}': 1,
        'commit_resolutions{state="unknown"}': 0,
    }
    assert found["commits_held"] == 5
    assert found['commits_left_out{cause="merge"}'] == 1
    assert found['commits_left_out{cause="negative"}'] == 2
    assert found['commits_left_out{cause="cap"}'] == 0
    assert found['deployments_without_commits{cause="first"}'] == 1
    assert found['deployments_without_commits{cause="gap"}'] == 1
    assert found["uploaded_repositories"] == 1
    assert found["uploaded_repositories_size_bytes"] > 0
    world.delete(between)
    await world.resolver.work()
    found = samples(world, counts)
    assert found["commits_held"] == 2
    assert found['commits_left_out{cause="merge"}'] == 0
    world.clock.advance(8 * 24 * HOUR_MS)
    await world.resolver.work()
    found = samples(world, counts)
    assert found['commit_resolutions{state="pending"}'] == 0
    assert found['commit_resolutions{state="unknown"}'] == 1
    assert found['deployments_without_commits{cause="unknown"}'] == 1


async def test_deployments_that_nobody_can_resolve_are_counted(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(3))
    world = begin()
    counts = await nothing_held()
    world.store.observers.add(counts.observe)
    for number in range(3):
        world.deploy(shas[number], number, repository="git.example/typo")
    world.deploy("ab" * 21, 3, repository="git.example/other")
    world.deploy(shas[0], 4, repository="git.example/typo", commits=())
    world.deploy(shas[0], 5, repository=None)
    world.deploy(shas[0], 6, commit_sha=None)
    found = samples(world, counts)
    assert found['deployments_without_commits{cause="no_repository"}'] == 3
    assert found['deployments_without_commits{cause="no_sha"}'] == 1
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1], "git.example/typo")
    found = samples(world, counts)
    assert found['deployments_without_commits{cause="no_repository"}'] == 0
    await world.resolver.work()
    assert samples(world, counts)['commit_resolutions{state="resolved"}'] == 3
    assert not counts.unresolved


async def test_deployments_whose_commit_was_not_told_are_counted(begin: Begin) -> None:
    world = begin()
    counts = await nothing_held()
    world.store.observers.add(counts.observe)
    told = world.deploy("a" * 40, 0, repository=None, commit_sha=None, upstream={"images": ["shop:1"]})
    world.deploy("a" * 40, 1, repository=None, commit_sha=None, upstream={"images": ["shop:2"]}, outcome="failed")
    assert samples(world, counts)['deployments_without_commits{cause="uncorrelated"}'] == 1
    world.deploy("a" * 40, 0, id=told, upstream={"images": ["shop:1"]})
    assert samples(world, counts)['deployments_without_commits{cause="uncorrelated"}'] == 0


async def test_an_attempt_that_did_not_succeed_ships_nothing(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(2))
    world = begin()
    counts = await nothing_held()
    world.store.observers.add(counts.observe)
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    world.deploy(shas[0], 0)
    world.deploy(shas[1], 1, id="d" * 16)
    await world.resolver.work()
    assert samples(world, counts)["commits_held"] == 1
    world.deploy(shas[1], 1, id="d" * 16, outcome="failed")
    world.deploy("f" * 40, 2, repository="git.example/unknown", outcome="canceled")
    found = samples(world, counts)
    assert [found["commits_held"], found['deployments_without_commits{cause="no_repository"}']] == [0, 0]


async def test_deployments_that_were_passed_over_are_counted(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(3))
    world = begin()
    counts = await nothing_held()
    world.store.observers.add(counts.observe)
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    for number, sha in enumerate((shas[0], "f" * 40, "e" * 40, shas[2])):
        world.deploy(sha, number)
    for _ in range(3):
        await world.resolver.work()
        world.clock.advance(7 * 24 * HOUR_MS)
    found = samples(world, counts)
    assert found["deployments_passed_over"] == 2
    assert found['deployments_without_commits{cause="unknown"}'] == 2
    assert found["commits_held"] == 2


async def test_what_is_written_while_a_tally_takes_in_what_is_held_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    store, counts, many = EventStore(), CommitCounts(), 2000
    for number in range(many):
        store.apply(deployment(id=str(number), commits=(Commit("a" * 40, START),)))
    store.observers.add(counts.observe)
    loading = asyncio.create_task(counts.load(batches_as_of_now(store.deployments.values())))
    store.apply(deployment(id="early", commits=(Commit("a" * 40, START),)))
    await asyncio.sleep(0)
    assert 1 < counts.commits < many
    assert not counts.is_loaded
    store.apply(deployment(id="new", commits=(Commit("b" * 40, START), Commit("c" * 40, START))))
    store.apply(deployment(id=str(many - 1)))
    store.apply(Deletion("deployment", "0", NOW_MS))
    await loading
    assert counts.commits == sum(len(each.commits or ()) for each in store.deployments.values())


async def test_what_is_not_counted_yet_is_absent(begin: Begin) -> None:
    assert not [name for name in samples(begin(), CommitCounts()) if "commits" in name or "resolutions" in name]


async def test_how_fetches_go(begin: Begin, tmp_path: Path) -> None:
    build(tmp_path / "served", linear(2))
    configured = {
        "good": RepositorySettings(url=f"file://{tmp_path}/served"),
        "bad": RepositorySettings(url=f"file://{tmp_path}/nowhere"),
    }
    world = begin(configured=configured)
    await world.resolver.work()
    found = samples(world, await nothing_held())
    assert found['repository_last_fetch_timestamp_seconds{repository="good"}'] == world.clock() / 1000
    assert 'repository_last_fetch_timestamp_seconds{repository="bad"}' not in found
    assert found['repository_fetch_errors_total{repository="good"}'] == 0
    assert found['repository_fetch_errors_total{repository="bad"}'] == 1
    assert found['repository_size_bytes{repository="good"}'] > 0
    assert found['repository_misconfigured{repository="good"}'] == 0
    assert found['repository_misconfigured{repository="bad"}'] == 0
