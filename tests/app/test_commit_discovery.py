"""The life of the search for commits."""

import asyncio
from pathlib import Path

import pytest
from tests.builders import HOUR_MS, NOW_MS, ManualClock, deployment
from tests.commits.histories import build, linear
from tests.commits.worlds import MemoryLog

from dora_exporter.app.commit_discovery import CommitSearch
from dora_exporter.app.settings import Settings
from dora_exporter.app.telemetry import CommitCounts
from dora_exporter.commits.providers.contract import Lent
from dora_exporter.dora.changes import Observer, Observers, Renew
from dora_exporter.dora.events import Commit, Shipped
from dora_exporter.dora.store import EventStore

REPOSITORY = "git.example/shop"


class ListedObservers(Observers):
    """Observers that can be listed."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[Observer] = []

    def add(self, observer: Observer, renew: Renew | None = None, *, only_linked: bool = False) -> None:
        self.listed.append(observer)
        super().add(observer, renew, only_linked=only_linked)

    def remove(self, observer: Observer) -> None:
        self.listed.remove(observer)
        super().remove(observer)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> EventStore:
    """One that takes a search several turns of the event loop to load."""
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    held = EventStore()
    for number in range(5):
        held.apply(deployment(id=str(number), commit_sha="a" * 40, repository=REPOSITORY))
    return held


def lends_nothing(name: str) -> Lent:
    """There are no sources."""
    raise KeyError(name)


def settings_in(folder: Path, **others: object) -> Settings:
    repositories = {"shop": {"url": f"file://{folder}/shop.git", "aliases": [REPOSITORY]}}
    return Settings.model_validate({"repositories": repositories, "git": {"path": folder / "git"}, **others})


def search_in(store: EventStore, folder: Path) -> CommitSearch:
    log = MemoryLog(store.apply_all)
    return CommitSearch(settings_in(folder), store=store, log=log, clock=ManualClock(), lend=lends_nothing)


async def until_shipped(store: EventStore, deployment_id: str, *shas: str) -> None:
    """Waits for the commits of a deployment."""
    told = asyncio.Event()
    store.observers.add(lambda _: told.set())
    async with asyncio.timeout(20):
        while (shipped := store.deployments[deployment_id].shipped) is None or shipped_shas(shipped) != shas:
            told.clear()
            await told.wait()


def shipped_shas(shipped: Shipped) -> tuple[str, ...]:
    return tuple(commit.sha for commit in shipped.commits)


def test_without_a_commit_that_was_told_there_is_a_reason(tmp_path: Path) -> None:
    search = search_in(EventStore(), tmp_path)
    reason = search.why_unknown(deployment(upstream={"images": ["r.example/shop:1"]}))
    assert reason == "its commits are unknown: the image r.example/shop:1 stands for no commit that was told"
    assert search.why_unknown(deployment()) is None


async def test_one_that_is_stopped_while_it_counts_ends_well(store: EventStore, tmp_path: Path) -> None:
    search = search_in(store, tmp_path)
    await search.start()
    assert "commit counts" in {each.get_name() for each in asyncio.all_tasks()}
    await search.stop()
    assert "commit counts" not in {each.get_name() for each in asyncio.all_tasks()}


async def test_one_that_is_stopped_while_it_comes_to_lead_ends_well(store: EventStore, tmp_path: Path) -> None:
    search = search_in(store, tmp_path)
    await search.start()
    leading = asyncio.create_task(search.lead())
    await asyncio.sleep(0)
    assert not leading.done()
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    await search.stop()


async def test_one_that_leads_again_leaves_nothing_of_the_last_turn(store: EventStore, tmp_path: Path) -> None:
    observers = store.observers = ListedObservers()
    search = search_in(store, tmp_path)
    await search.start()
    before = len(observers.listed)
    for _ in range(2):
        leading = asyncio.create_task(search.lead())
        await asyncio.sleep(0)
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
    await search.lead()
    assert len(observers.listed) == before + 3
    await search.stop()


async def test_it_says_why_the_commits_of_a_deployment_are_unknown(tmp_path: Path) -> None:
    store = EventStore()
    search = search_in(store, tmp_path)
    await search.start()
    await search.lead()
    sha = "a" * 40
    assert search.why_unknown(deployment(commit_sha=sha, repository=None)) is None
    assert search.why_unknown(deployment(commit_sha=sha, repository=REPOSITORY, commits=())) is None
    assert search.why_unknown(deployment(commit_sha=sha, repository="git.example/typo")) == (
        "its commits are unknown: the repository git.example/typo is neither configured nor uploaded"
    )
    assert search.why_unknown(deployment(commit_sha="ab" * 21, repository=REPOSITORY)) == (
        f"its commits are unknown: {'ab' * 21} is not a full SHA"
    )
    held = deployment(commit_sha=sha, repository=REPOSITORY)
    assert f"the repository {REPOSITORY} has no commit {sha} yet" in (search.why_unknown(held) or "")
    store.apply(held)
    cannot = f"the repository {REPOSITORY} cannot be fetched: git ls-remote failed"
    for _ in range(1000):
        if cannot in (search.why_unknown(held) or ""):
            break
        await asyncio.sleep(0.01)
    assert cannot in (search.why_unknown(held) or "")
    await search.stop()


async def test_the_names_of_a_reload_join_what_a_service_shipped_under_each(tmp_path: Path) -> None:
    shas = build(tmp_path / "shop.git", linear(3))
    store = EventStore()
    search = search_in(store, tmp_path)
    await search.start()
    await search.lead()
    for service, sha, hours in (("till", shas[0], 2), ("checkout", shas[2], 1)):
        finished_at = NOW_MS - hours * HOUR_MS
        store.apply(
            deployment(id=service, service=service, commit_sha=sha, repository=REPOSITORY, finished_at=finished_at)
        )
    await until_shipped(store, "checkout")
    await search.use(settings_in(tmp_path, services={"checkout": {"aliases": ["till"]}}))
    await until_shipped(store, "checkout", shas[2], shas[1])
    await search.stop()


async def test_commits_are_counted_again_after_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore()
    store.apply(deployment(id="before", commits=(Commit("a" * 40, NOW_MS),)))
    with monkeypatch.context() as faulty:
        faulty.setattr(CommitCounts, "observe", fail)
        search = search_in(store, tmp_path)
        await search.start()
        store.apply(deployment(id="met", commits=(Commit("b" * 40, NOW_MS), Commit("c" * 40, NOW_MS))))
    await store.observers.renew()
    families = {family.name: family for family in search.collector.collect()}
    assert families["dora_exporter_commits_held"].samples[0].value == 3
    await search.stop()


def fail(*_: object) -> None:
    raise RuntimeError("a defect")
