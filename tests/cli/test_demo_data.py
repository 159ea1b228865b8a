"""The invented organisation is the same for a seed, in time order, and has every kind of event that there is."""

from collections import defaultdict
from itertools import islice, pairwise

import pytest
from tests.builders import HOUR_MS, NOW_MS, fields

from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.cli.demo.service_simulation import Happening
from dora_exporter.dora.commit_messages import named_reverts
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Deployment, Incident
from dora_exporter.dora.records import Judgement
from dora_exporter.dora.store import EventStore

SEED = 7


@pytest.fixture(scope="module")
def past() -> list[Happening]:
    return split(organisation(SEED, NOW_MS), NOW_MS)[0]


@pytest.fixture(scope="module")
def store(past: list[Happening]) -> EventStore:
    store = EventStore()
    for happening in past:
        store.apply(happening.record)
    return store


def reports_of(happenings: list[Happening]) -> dict[str, list[Incident]]:
    reports = defaultdict(list)
    for happening in happenings:
        if isinstance(happening.record, Incident):
            reports[happening.record.id].append(happening.record)
    return reports


def test_a_seed_always_invents_the_same_organisation(past: list[Happening]) -> None:
    assert fields(split(organisation(SEED, NOW_MS), NOW_MS)[0]) == fields(past)
    assert split(organisation(SEED + 1, NOW_MS), NOW_MS)[0] != past


def test_everything_happens_in_time_order_over_120_days(past: list[Happening]) -> None:
    moments = [happening.at for happening in past]

    assert moments == sorted(moments)
    assert NOW_MS - 120 * DAY_MS <= moments[0] < NOW_MS - 119 * DAY_MS
    assert NOW_MS - HOUR_MS < moments[-1] <= NOW_MS


def test_an_event_is_reported_when_it_is_known(past: list[Happening]) -> None:
    for at, record in past:
        if isinstance(record, Deployment | Incident) and record.finished_at is not None:
            assert at == record.finished_at


def test_twelve_services_of_five_teams_deploy_to_three_environments(store: EventStore) -> None:
    deployments = store.deployments.values()

    assert len({each.service for each in deployments}) == 12
    assert len({each.team for each in deployments}) == 5
    assert {each.environment for each in deployments} == {"development", "staging", "production"}


def test_each_commit_reaches_an_environment_once_and_after_it_was_written(store: EventStore) -> None:
    shipped = [
        (each.series, commit.sha, commit.authored_at < each.started_at)
        for each in store.deployments.values()
        for commit in each.commits or ()
    ]

    assert len(shipped) > 5000
    assert all(before for _, _, before in shipped)
    assert len({(series, sha) for series, sha, _ in shipped}) == len(shipped)


def test_a_rollback_brings_back_the_version_before_the_one_that_failed(store: EventStore) -> None:
    versions = defaultdict(list)
    for each in sorted(store.deployments.values(), key=lambda each: each.finished_at):
        versions[each.series].append(each.version)
    rollbacks = [
        (version, seen[position - 2])
        for seen in versions.values()
        for position, version in enumerate(seen)
        if version in seen[:position]
    ]

    assert len(rollbacks) > 20
    assert [version for version, _ in rollbacks] == [before for _, before in rollbacks]


def test_reverts_name_a_commit_that_was_shipped_before(store: EventStore) -> None:
    shipped = {commit.sha: commit for each in store.deployments.values() for commit in each.commits or ()}
    reverts = [commit for commit in shipped.values() if commit.reverts]

    assert len(reverts) > 20
    assert all(
        commit.subject == f'Revert "{shipped[sha].subject}"' for commit in reverts for sha in named_reverts(commit)
    )


def test_verdicts_of_both_kinds_are_about_deployments_reported_before(past: list[Happening]) -> None:
    store = EventStore()
    verdicts = []
    for _, record in past:
        if isinstance(record, Judgement) and record.verdict:
            assert record.id in store.deployments
            verdicts.append(record.verdict)
        store.apply(record)

    assert {verdict.change_failure for verdict in verdicts} == {True, False}
    assert {verdict.remediation.type for verdict in verdicts if verdict.remediation} == {"rollback", "rollforward"}


def test_incidents_of_every_kind_happen(past: list[Happening], store: EventStore) -> None:
    incidents = store.incidents.values()

    assert any(len(each.services) > 1 for each in incidents)
    assert any(not each.services and each.team for each in incidents)
    assert any(each.version for each in incidents)
    assert any(
        earlier.finished_at is not None and later.finished_at is None
        for reports in reports_of(past).values()
        for earlier, later in pairwise(reports)
    ), "one comes back"


def test_two_incidents_are_under_way_and_a_third_begins_in_half_a_minute_and_is_soon_over(store: EventStore) -> None:
    ongoing = [each for each in store.incidents.values() if each.finished_at is None]
    future = split(organisation(SEED, NOW_MS), NOW_MS)[1]
    third = next(each for each in future if isinstance(each.record, Incident))
    end = next(each for each in future if isinstance(each.record, Incident) and each.record.id == third.record.id)

    assert len(ongoing) >= 2
    assert third.at == NOW_MS + MINUTE_MS // 2
    assert end.at == NOW_MS + 2 * MINUTE_MS


def test_haste_changes_only_what_is_still_to_come(past: list[Happening]) -> None:
    hasty_past, hasty_future = split(organisation(SEED, NOW_MS, haste=60), NOW_MS)
    future = split(organisation(SEED, NOW_MS), NOW_MS)[1]

    assert fields(hasty_past) == fields(past)
    hundred = [list(islice(each, 100))[-1].at - NOW_MS for each in (future, hasty_future)]
    assert hundred[1] * 5 < hundred[0]
