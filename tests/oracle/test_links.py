"""The oracle's own links on examples worked out by hand."""

import pytest
from tests.builders import HOUR_MS, NOW_MS, deployment, fields, incident
from tests.oracle import links

from dora_exporter.dora.events import Deployment, Remediation, Verdict

START_MS = NOW_MS - 100 * HOUR_MS


def history(*identities: str | None) -> list[Deployment]:
    """Deployments an hour apart, named by their number; an identity of 40 letters is a SHA, else a version."""
    return [
        deployment(
            id=str(number),
            finished_at=START_MS + number * HOUR_MS,
            version=None if identity is None or len(identity) == 40 else identity,
            commit_sha=identity if identity is not None and len(identity) == 40 else None,
        )
        for number, identity in enumerate(identities, start=1)
    ]


@pytest.mark.parametrize(
    ("identities", "failed_by_rollback"),
    [
        ([], {}),
        (["v1", "v1"], {}),
        (["v1", "v2", "v3"], {}),
        (["v1", "v2", "v3", "v1"], {"4": "2"}),
        (["v1", "v2", "v3", "v2"], {"4": "3"}),
        (["v1", "v2", "v1", "v2"], {"3": "2"}),
        (["a" * 40, "b" * 40, "a" * 40, "b" * 40], {"3": "2"}),
        (["v1", "v2", "v1", "v2", "v1"], {"3": "2", "5": "4"}),
        (["v1", "v2", "v3", "v1", "v3", "v2"], {"4": "2"}),
        (["v1", "v2", "v2", "v1", "v1"], {"4": "2"}),
        (["v1", "v1", "v2", "v1"], {"4": "3"}),
        (["v1", "v2", "v3", "v2", "v1"], {"4": "3", "5": "2"}),
        (["v1", None, "v1"], {"3": "2"}),
        (["v1", "v2", None, None], {}),
        (["a" * 40, "b" * 40, "a" * 40], {"3": "2"}),
        (["a" * 40, "v1", "a" * 40], {"3": "2"}),
    ],
)
def test_a_rollback_fails_the_first_deployment_after_its_target(
    identities: list[str | None], failed_by_rollback: dict[str, str]
) -> None:
    deployments = history(*identities)
    found = {each.id: links.rolled_back_by(each, deployments) for each in deployments}
    assert {rollback: failed.id for rollback, failed in found.items() if failed is not None} == failed_by_rollback


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ({"version": "v1"}, {"version": "v1"}, True),
        ({"version": "v1", "commit_sha": "a" * 40}, {"version": "v1", "commit_sha": "b" * 40}, False),
        ({"version": "v1", "commit_sha": "a" * 40}, {"version": "v2", "commit_sha": "a" * 40}, True),
        ({"version": "v1", "commit_sha": "a" * 40}, {"version": "v1"}, True),
        ({"commit_sha": "a" * 40}, {"version": "v1"}, False),
        ({}, {}, False),
    ],
)
def test_shas_decide_where_both_have_one_and_versions_otherwise(
    one: dict[str, str], other: dict[str, str], *, are_equal: bool
) -> None:
    assert links.are_equal(deployment(**one), deployment(**other)) is are_equal


@pytest.mark.parametrize(
    ("facts", "blamed"),
    [
        ({"started_at": START_MS + HOUR_MS // 2}, None),
        ({"started_at": START_MS + HOUR_MS - 5 * 60_000}, "1"),
        ({"started_at": START_MS + 10 * HOUR_MS}, "3"),
        ({"started_at": START_MS + 10 * HOUR_MS, "version": "v1"}, "2"),
        ({"started_at": START_MS + 10 * HOUR_MS, "version": "v9"}, "3"),
        ({"started_at": START_MS + 10 * HOUR_MS, "commit_sha": "a" * 40}, "3"),
        ({"started_at": START_MS + 3 * HOUR_MS - 5 * 60_000, "version": "v2"}, "3"),
    ],
)
def test_an_incident_is_put_down_to_what_it_names_and_else_to_the_latest_start(
    facts: dict[str, object], blamed: str | None
) -> None:
    found = links.attributed_to(incident(**facts), history("v1", "v1", "v2"), None)
    assert (found.id if found else None) == blamed


def test_the_attribution_limit_binds_only_incidents_that_name_nothing() -> None:
    deployments = history("v1")
    late = {"started_at": deployments[0].started_at + HOUR_MS}
    assert fields(links.attributed_to(incident(**late), deployments, HOUR_MS)) == fields(deployments[0])
    assert links.attributed_to(incident(**late), deployments, HOUR_MS - 1) is None
    assert fields(links.attributed_to(incident(**late, version="v1"), deployments, HOUR_MS - 1)) == fields(
        deployments[0]
    )


def test_of_deployments_that_start_together_the_later_finish_is_blamed_and_then_the_greater_id() -> None:
    facts = {"started_at": START_MS, "service": "checkout"}
    short = deployment(**facts, id="z", finished_at=START_MS)
    long = deployment(**facts, id="a", finished_at=START_MS + 1)
    twin = deployment(**facts, id="b", finished_at=START_MS + 1)
    assert fields(links.attributed_to(incident(started_at=START_MS), [short, twin, long], None)) == fields(twin)


@pytest.mark.parametrize(
    ("verdict", "cause"),
    [
        (None, "rollback"),
        (Verdict(change_failure=True), "verdict"),
        (Verdict(change_failure=False), None),
    ],
)
def test_a_verdict_beats_a_rollback_and_a_rollback_an_incident(verdict: Verdict | None, cause: str | None) -> None:
    first, _, last = history("v1", "v2", "v1")
    failed = deployment(id="2", finished_at=START_MS + 2 * HOUR_MS, version="v2", verdict=verdict)
    trouble = incident(started_at=failed.finished_at)
    assert links.cause_of(failed, [first, failed, last], [trouble], None, rollback_rule=True) == cause


def test_with_the_rollback_rule_off_the_incident_is_the_cause_and_nothing_the_remedy() -> None:
    deployments = history("v1", "v2", "v1")
    trouble = incident(started_at=deployments[1].finished_at)
    assert links.cause_of(deployments[1], deployments, [trouble], None, rollback_rule=False) == "incident"
    assert links.remedies_of(deployments[1], deployments, rollback_rule=False) == []


@pytest.mark.parametrize(
    ("remediation", "remedy"),
    [
        (None, "4"),
        (Remediation("rollforward", id="3"), "3"),
        (Remediation("rollforward", version="v3"), "3"),
        (Remediation("rollback", id="1"), "4"),
        (Remediation("rollback", id="elsewhere"), "4"),
    ],
)
def test_a_named_remedy_that_comes_later_takes_the_place_of_the_rollback(
    remediation: Remediation | None, remedy: str | None
) -> None:
    deployments = history("v1", "v2", "v3", "v1")
    failed = deployment(
        id="2",
        finished_at=START_MS + 2 * HOUR_MS,
        version="v2",
        verdict=Verdict(change_failure=True, remediation=remediation),
    )
    deployments[1] = failed
    found = links.remedies_of(failed, deployments, rollback_rule=True)
    assert [each.id for each in found] == ([remedy] if remedy else [])


@pytest.mark.parametrize(
    ("resolved_after_hours", "hours"),
    [([], 2), ([1], 1), ([3], 2), ([1, None], 2), ([1, 1.5], 1.5), ([-0.01], 0)],
)
def test_recovery_comes_with_the_remedy_or_with_the_end_of_the_last_incident(
    resolved_after_hours: list[float | None], hours: float
) -> None:
    deployments = history("v1", "v2", "v3", "v1")
    failed = deployments[1]
    troubles = [
        incident(
            id=str(number),
            started_at=failed.started_at,
            finished_at=None if after is None else failed.finished_at + int(after * HOUR_MS),
        )
        for number, after in enumerate(resolved_after_hours)
    ]
    moment = links.recovered_at(failed, deployments, troubles, None, NOW_MS, rollback_rule=True)
    assert moment == failed.finished_at + hours * HOUR_MS


@pytest.mark.parametrize(
    ("begins_after_hours", "ends_after_hours", "hours"),
    [([10], [11], 1), ([10, 12], [11, 15], 5), ([-0.05], [2], 2), ([-0.05], [-0.01], 0)],
)
def test_recovery_from_incidents_counts_from_the_first_of_them_but_not_from_before_the_finish(
    begins_after_hours: list[float], ends_after_hours: list[float], hours: float
) -> None:
    (failed,) = history("v1")
    troubles = [
        incident(
            id=str(number),
            started_at=failed.finished_at + int(began * HOUR_MS),
            finished_at=failed.finished_at + int(ended * HOUR_MS),
        )
        for number, (began, ended) in enumerate(zip(begins_after_hours, ends_after_hours, strict=True))
    ]
    moment = links.recovered_at(failed, [failed], troubles, None, NOW_MS, rollback_rule=True)
    assert moment is not None
    assert moment - links.broke_at(failed, [failed], troubles, None, rollback_rule=True) == hours * HOUR_MS


def test_an_open_incident_without_a_remedy_is_no_recovery() -> None:
    deployments = history("v1")
    trouble = incident(started_at=deployments[0].finished_at)
    assert links.recovered_at(deployments[0], deployments, [trouble], None, NOW_MS, rollback_rule=True) is None


def test_rework_is_the_rollback_and_the_first_finish_after_an_earlier_deployments_incident_began() -> None:
    deployments = history("v1", "v2", "v3", "v1", "v4", "v5", "v6")
    trouble = incident(started_at=deployments[4].finished_at + 1)
    reworked = {
        each.id for each in deployments if links.is_rework(each, deployments, [trouble], None, rollback_rule=True)
    }
    assert reworked == {"4", "6"}


def test_a_deployment_does_not_rework_its_own_incident() -> None:
    deployments = history("v1", "v2")
    trouble = incident(started_at=deployments[1].started_at)
    assert not any(links.is_rework(each, deployments, [trouble], None, rollback_rule=True) for each in deployments)
