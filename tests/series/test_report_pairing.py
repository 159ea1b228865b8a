"""A deployment of which several report counts once, in whatever order the reports come."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import NOW_MS, deployment
from tests.oracle import reports

from dora_exporter.dora.events import MINUTE_MS, Commit, Deployment, Remediation, Series, Shipped, Verdict
from dora_exporter.dora.records import Deletion, Judgement, Resolution
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.report_pairing import Pairing

WITHIN_MS = 30 * MINUTE_MS


def read(store: EventStore) -> Engine:
    engine = Engine(
        store, Definitions(windows=(("7d", 7 * 86_400_000),), retention_ms=10 * 86_400_000, series_limit=10)
    )
    asyncio.run(engine.load(NOW_MS))
    return engine


def counted(engine: Engine) -> dict[str, Verdict | None]:
    """The ids that count, with the verdict by which they are judged."""
    while not engine.update(NOW_MS):
        pass
    states = [engine.state(series) for series in engine.aggregates.series]
    return {each.id: each.verdict for one in states if one for each in one.classifier.in_order.by_finish}


def sent(id_: str, minute: int, **changes: object) -> Deployment:
    started_at = NOW_MS - 24 * 60 * MINUTE_MS + minute * MINUTE_MS
    return deployment(**{"id": id_, "started_at": started_at, "version": "v1", **changes})


def found(id_: str, minute: int, **changes: object) -> Deployment:
    seen = sent(id_, minute, **{"source": "apm", **changes})
    return replace(seen, finished_at=seen.started_at)


def test_the_sent_report_counts_in_either_order() -> None:
    for events in ((sent("s", 0), found("f", 5)), (found("f", 5), sent("s", 0))):
        store = EventStore()
        engine = read(store)
        for event in events:
            store.apply(event)

        assert list(counted(engine)) == ["s"]
        assert list(counted(read(store))) == ["s"]


def test_the_verdict_of_one_source_counts_beside_the_facts_of_another() -> None:
    store = EventStore()
    for event in (
        found("argo", 1, source="argocd", upstream={"images": ["shop:1"]}),
        found("apm", 2, source="apm", upstream={"change_failure": True, "remediation": None}),
    ):
        store.apply(event)
    engine = read(store)
    state = engine.state(Series("checkout", "production"))
    assert state is not None
    (merged,) = state.classifier.in_order.by_finish
    assert (merged.id, merged.upstream) == (
        "argo",
        {"images": ["shop:1"], "change_failure": True, "remediation": None},
    )
    assert state.classifier.cause(merged) == "verdict"


def test_reports_too_far_apart_or_of_different_versions_are_two() -> None:
    store = EventStore()
    for event in (sent("s", 0), found("late", 31), found("other", 1, version="v2")):
        store.apply(event)

    assert sorted(counted(read(store))) == ["late", "other", "s"]


def test_nearest_beginnings_are_paired_first_and_one_to_one() -> None:
    store = EventStore()
    for event in (sent("s", 10), found("far", 0), found("near", 12)):
        store.apply(event)

    assert sorted(counted(read(store))) == ["far", "s"]


def test_deleting_the_sent_one_restores_the_other() -> None:
    store = EventStore()
    engine = read(store)
    for event in (sent("s", 0), found("f", 5)):
        store.apply(event)
    store.apply(Deletion("deployment", "s", NOW_MS))

    assert list(counted(engine)) == ["f"]


def test_a_verdict_on_either_is_that_of_the_survivor() -> None:
    store = EventStore()
    engine = read(store)
    for event in (sent("s", 0), found("f", 5)):
        store.apply(event)

    store.apply(Judgement("f", Verdict(change_failure=True)))
    assert counted(engine) == {"s": Verdict(change_failure=True)}
    store.apply(Judgement("s", Verdict(change_failure=False)))
    assert counted(engine) == {"s": Verdict(change_failure=False)}
    store.apply(Judgement("s", None))
    store.apply(Judgement("f", None))
    assert counted(engine) == {"s": None}


@pytest.mark.parametrize(
    ("others", "counts"),
    [
        ([found("builds", 1, source="builds")], "otel"),
        ([found("builds", -1, source="builds")], "builds"),
        ([found("builds", 1, source="builds", commit_sha="a" * 40)], "builds"),
        ([found("builds", 1, source="builds", commit_sha="a" * 40), sent("sent", 9)], "sent"),
        ([found("builds", 1, source="builds"), found("apm", 2)], "otel"),
        ([found("builds", 20, source="builds"), found("apm", 40)], "otel"),
        (
            [
                found("builds", 1, source="builds", commit_sha="a" * 40),
                found("apm", 2, version=None, commit_sha="a" * 40),
            ],
            "builds",
        ),
    ],
)
def test_any_number_of_reports_of_one_deployment_are_one_in_any_order(others: list[Deployment], counts: str) -> None:
    for events in itertools.permutations((found("otel", 0, source="otel"), *others)):
        store = EventStore()
        engine = read(store)
        for event in events:
            store.apply(event)

        assert list(counted(engine)) == [counts]
        assert list(counted(read(store))) == [counts]


def test_a_reporter_tells_its_own_deployments_apart() -> None:
    for one, two in ((sent("one", 0), sent("two", 5)), (found("one", 0), found("two", 5))):
        store = EventStore()
        engine = read(store)
        for event in (one, two, found("other", 6, source="otel")):
            store.apply(event)

        assert sorted(counted(engine)) == ["one", "two"]


def test_the_legs_of_a_matrix_are_one_in_any_order() -> None:
    legs = [found(f"leg{number}", number * 20, source="github", upstream={"leg": 1}) for number in range(3)]
    later = found("later", 90, source="github", upstream={"leg": 1})
    for events in itertools.permutations((*legs, later)):
        store = EventStore()
        engine = read(store)
        for event in events:
            store.apply(event)

        assert sorted(counted(engine)) == ["later", "leg0"]
        assert sorted(counted(read(store))) == ["later", "leg0"]


def test_a_verdict_on_a_report_of_any_source_counts() -> None:
    store = EventStore()
    engine = read(store)
    for event in (found("otel", 0, source="otel"), found("builds", 1, source="builds"), found("apm", 2)):
        store.apply(event)

    store.apply(Judgement("apm", Verdict(change_failure=True)))
    assert counted(engine) == {"otel": Verdict(change_failure=True)}
    store.apply(Deletion("deployment", "otel", NOW_MS))
    assert counted(engine) == {"builds": Verdict(change_failure=True)}


@pytest.mark.parametrize("named", ["sent", "apm:1"])
def test_a_remedy_may_be_named_by_any_report_of_it(named: str) -> None:
    store = EventStore()
    engine = read(store)
    store.apply(sent("failed", 0, version="v0"))
    store.apply(Judgement("failed", Verdict(change_failure=True, remediation=Remediation("rollback", id=named))))
    for report in (
        sent("sent", 100),
        sent("apm:1", 101, source="apm", upstream={"change_failure": False}),
        sent("apm:1", 102, source="apm"),
    ):
        store.apply(report)
        is_there = named in store.deployments
        counted(engine)
        state = engine.state(Series("checkout", "production"))
        assert state is not None
        remedies = [link.remedy.id for link in state.classifier.remedies(store.deployments["failed"])]
        assert remedies == (["sent"] if is_there else [])
    store.apply(Deletion("deployment", "sent", NOW_MS))
    counted(engine)
    assert state is not None
    remedies = [link.remedy.id for link in state.classifier.remedies(store.deployments["failed"])]
    assert remedies == (["apm:1"] if named == "apm:1" else [])


def test_a_remedy_is_found_by_the_id_of_a_later_report_that_adds_nothing_else() -> None:
    store = EventStore()
    engine = read(store)
    store.apply(sent("failed", 0, version="v0"))
    store.apply(Judgement("failed", Verdict(change_failure=True, remediation=Remediation("rollback", id="apm:1"))))
    for report in (sent("sent", 100), found("apm:1", 101)):
        store.apply(report)
        counted(engine)
    state = engine.state(Series("checkout", "production"))
    assert state is not None
    assert [link.remedy.id for link in state.classifier.remedies(store.deployments["failed"])] == ["sent"]


def test_the_facts_of_a_report_go_with_it_after_a_nearer_report_came() -> None:
    store = EventStore()
    engine = read(store)
    for report in (sent("sent", 0), found("apm", 5, upstream={"images": ["shop:1"]}), found("otel", 1, source="otel")):
        store.apply(report)
        counted(engine)
    store.apply(Deletion("deployment", "apm", NOW_MS))
    assert list(counted(engine)) == ["sent"]
    state = engine.state(Series("checkout", "production"))
    assert state is not None
    assert [each.upstream for each in state.classifier.in_order.by_finish] == [None]


def test_commits_that_git_found_for_one_report_are_those_of_the_deployment() -> None:
    store = EventStore()
    engine = read(store)
    for report in (
        sent("sent", 100, commit_sha="a" * 40, repository="git.example/shop"),
        sent("apm:1", 99, commit_sha="a" * 40, repository="git.example/shop", source="apm"),
    ):
        store.apply(report)
    counted(engine)
    commit = Commit("b" * 40, NOW_MS - 7 * 86_400_000)
    store.apply(Resolution("apm:1", Shipped("git.example/shop", "a" * 40, (commit,))))
    store.apply(Resolution("sent", Shipped("git.example/shop", "a" * 40, base="a" * 40)))
    assert list(counted(engine)) == ["sent"]
    state = engine.state(Series("checkout", "production"))
    assert state is not None
    in_order = state.classifier.in_order
    shipped = [each.sha for one in in_order.by_finish for each, _ in in_order.shipments.samples(one)]
    assert shipped == [commit.sha]


def test_a_merge_that_git_found_for_one_report_alone_is_one_of_the_deployment() -> None:
    store = EventStore()
    engine = read(store)
    for report in (
        sent("sent", 100, version="v1", commit_sha="a" * 40, repository="git.example/shop"),
        sent("apm:1", 99, version="v1", commit_sha="c" * 40, repository="git.example/shop", source="apm"),
    ):
        store.apply(report)
    merge = Commit("c" * 40, NOW_MS - 7 * 86_400_000, "Merge branch 'carts'")
    store.apply(Resolution("apm:1", Shipped("git.example/shop", "c" * 40, merges=(merge,))))
    assert list(counted(engine)) == ["sent"]
    state = engine.state(Series("checkout", "production"))
    assert state is not None
    assert [each.id for each in state.classifier.in_order.shipments.with_key(("merge", merge.sha))] == ["sent"]


def test_what_does_not_count_is_explained_by_what_does() -> None:
    store = EventStore()
    engine = read(store)
    for event in (found("f", 5), sent("s", 0)):
        store.apply(event)
    counted(engine)
    (state,) = [engine.state(series) for series in engine.aggregates.series]

    assert state
    assert [(each.id, reason) for each, reason in state.waiting()] == [("f", "is another report of s, which counts")]


def test_many_reports_of_one_version_are_paired_nearest_first() -> None:
    store = EventStore()
    for number in range(3000):
        store.apply(sent(f"s{number:04}", -number * 4))
        store.apply(found(f"f{number:04}", -number * 4 + 1))
    engine = read(store)

    assert len(counted(engine)) == 3000


@pytest.mark.parametrize("write", [sent("new", 500, version="latest"), found("new", 500, version="latest")])
def test_a_report_of_a_version_that_thousands_name_concerns_few_of_them(write: Deployment) -> None:
    pairing = Pairing(within_ms=WITHIN_MS)
    pipeline = [sent(f"s{number}", number, version="latest") for number in range(1000)]
    others = [
        found(f"{source}{number}", number, source=source, version="latest")
        for source in ("apm", "otel")
        for number in range(1000)
    ]
    for _ in pairing.loading([*pipeline, *others]):
        pass
    asked_about: list[str] = []

    def sent_around(report: Deployment, within_ms: int) -> Iterator[Deployment]:
        asked_about.append(report.id)
        return (each for each in pipeline if abs(each.started_at - report.started_at) <= within_ms)

    for comes in (True, False):
        assert len(list(pairing.change(write, sent_around, comes=comes))) < 10
        assert len(asked_about) < 40


REPORTERS = {"s": "api", "f": "apm", "o": "otel", "b": "builds", "l": "github"}
IDS = st.sampled_from([f"{reporter}{number}" for reporter in REPORTERS for number in (1, 2, 3)])
writes = st.one_of(
    st.builds(
        lambda id_, minute, version, sha: (sent if id_[0] == "s" else found)(
            id_,
            minute,
            source=REPORTERS[id_[0]],
            version=version,
            commit_sha=sha and sha * 40,
            upstream={"leg": 1} if id_[0] == "l" else None,
        ),
        IDS,
        st.integers(0, 80),
        st.sampled_from(["v1", "v1", "v2", None]),
        st.sampled_from([None, None, "a", "b"]),
    ),
    IDS.map(lambda id_: Deletion("deployment", id_, NOW_MS)),
    st.builds(lambda id_, failed: Judgement(id_, Verdict(change_failure=True) if failed else None), IDS, st.booleans()),
)


def expected(store: EventStore) -> dict[str, Verdict | None]:
    """The ids that count with the verdicts on them or on other reports, from nothing but the definition."""
    held = store.deployments
    verdicts: dict[str, Verdict | None] = {}
    for id_, counts in reports.counted(list(held.values()), WITHIN_MS).items():
        verdicts[counts] = verdicts.get(counts) or held[id_].verdict
    return verdicts


@settings(max_examples=200, deadline=None)
@given(st.lists(writes, max_size=20))
def test_any_order_of_reports_verdicts_and_deletions_leaves_what_the_definition_says(
    events: list[Deployment | Deletion | Judgement],
) -> None:
    store = EventStore()
    engine = read(store)
    for event in events:
        store.apply(event)
        assert counted(engine) == expected(store)
    assert counted(read(store)) == expected(store)
    superseded = {each.id for each in store.deployments.values() if engine.is_superseded(each)}
    assert superseded == store.deployments.keys() - expected(store).keys()
