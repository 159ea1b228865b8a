"""Small worlds for property tests: few names and few moments, so that events meet, tie and cross borders."""

import os
from dataclasses import dataclass

from hypothesis import strategies as st
from tests.builders import HOUR_MS, NOW_MS

from dora_exporter.dora.events import (
    DAY_MS,
    FAILED_OUTCOMES,
    MINUTE_MS,
    Commit,
    Deployment,
    Incident,
    Outcome,
    Remediation,
    Verdict,
)
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.incident_rules import IncidentRules
from dora_exporter.dora.records import Deletion, Judgement

HISTORIES = int(os.environ.get("HISTORIES", "60"))
"""How many of each kind are compared with the oracle; CI runs 400."""

WINDOWS = (("1d", DAY_MS), ("7d", 7 * DAY_MS))
RETENTION_MS = 30 * DAY_MS
SERVICES = ("cart", "checkout", "search")
ENVIRONMENTS = ("production", "staging")
BUSY = 8
"""How many times likelier the first service in the first environment is than another: links form within a series."""
VERSIONS = ("v1", "v2", "v3")
SHAS = tuple(letter * 40 for letter in "abc")
REVERTS = {"d" * 40: "a" * 40, "e" * 40: "b" * 40}
"""Commits that take back others."""
TEAMS = ("crew", "squad")
TEAM_OF = {"cart": "crew", "checkout": "squad"}
TREE = Groups(
    above={"all": None, "shop": "all", "front": "shop", "back": "all", "lonely": None},
    of_services={"cart": "front", "search": "back"},
    of_teams={"crew": "shop", "squad": "back"},
)
trees = st.sampled_from([Groups(), TREE, Groups(above={"one": None}, of_services={"checkout": "one"})])
DEPLOYMENT_IDS = tuple(f"deployment-{number}" for number in range(10))
INCIDENT_IDS = tuple(f"incident-{number}" for number in range(5))


@dataclass(frozen=True)
class World:
    """Events as a store holds them, and the settings that decide what they amount to."""

    deployments: tuple[Deployment, ...]
    incidents: tuple[Incident, ...]
    attribution_limit_ms: int | None
    team_of: dict[str, str]
    rollback_rule: bool
    incident_rules: IncidentRules
    groups: Groups
    now_ms: int = NOW_MS


@dataclass(frozen=True)
class ClockStep:
    """Time passes, or jumps back when it is negative."""

    ms: int


Action = Deployment | Incident | Judgement | Deletion | ClockStep
"""Something that happens to the daemon: a write, or time."""


def _moments() -> st.SearchStrategy[int]:
    """Moments on, just before and just after the borders of windows and retention, in between, and soon to come."""
    borders = [0, *(length_ms for _, length_ms in WINDOWS), RETENTION_MS]
    near_a_border = st.sampled_from([NOW_MS - border + off for border in borders for off in (-1, 0, 1)])
    recent = st.integers(-10, 48).map(lambda steps: NOW_MS - steps * HOUR_MS // 2)
    long_ago = st.integers(0, 40).map(lambda days: NOW_MS - days * DAY_MS)
    ahead = st.integers(0, 10).map(lambda minutes: NOW_MS + minutes * MINUTE_MS)
    return near_a_border | recent | long_ago | ahead


def _verdicts() -> st.SearchStrategy[Verdict]:
    """Not failed, or failed with or without a remedy, which is named by id or version and need not exist."""
    by_id = [Remediation("rollback", id=each) for each in DEPLOYMENT_IDS]
    by_version = [Remediation("rollforward", version=each) for each in VERSIONS]
    remedied = [Verdict(change_failure=True, remediation=each) for each in (*by_id, *by_version)]
    return st.sampled_from([Verdict(change_failure=True), Verdict(change_failure=False), *remedied])


moments = _moments()
verdicts = _verdicts()
lengths = st.sampled_from([0, 0, 1, 1001, MINUTE_MS, HOUR_MS, 2 * HOUR_MS - 1, DAY_MS])
"""How long things take: often no time at all, so that orders need their last key."""

series = st.sampled_from(
    [(SERVICES[0], ENVIRONMENTS[0])] * BUSY + [(service, each) for service in SERVICES for each in ENVIRONMENTS]
)
identities = st.sampled_from(
    [(version, None) for version in (*VERSIONS, *VERSIONS, None)]
    + [(version, sha) for version in (None, "v1") for sha in SHAS]
)
"""Version and SHA."""

outcomes = st.sampled_from((None, None, None, None, None, None, *FAILED_OUTCOMES))
"""Most attempts to deploy succeed."""

tags = st.sampled_from(
    [(), (), ("customer:a",), ("customer:b", "tier:1"), ("tier:2", "customer:c", "customer:a"), ("customer:", "tier")]
)
"""Values of dimensions, some without, some twice."""

belongings = st.sampled_from(
    [(None, None), (None, None), ("crew", "git.example/one"), ("squad", None), (None, "git.example/two")]
)
"""Team and repository."""

ahead_of_finish = st.sampled_from([5 * MINUTE_MS + 1, 5 * MINUTE_MS, 1, 0, -1, -1001, -HOUR_MS, -3 * DAY_MS])
commit_lists = st.none() | st.lists(
    st.tuples(st.sampled_from([*SHAS, "d" * 40]), ahead_of_finish), unique_by=lambda each: each[0], max_size=3
)
"""SHAs, which other deployments may ship too, and how far their author times lie ahead of the deployment's finish."""


def _deployment(
    *,
    deployment_id: str,
    names: tuple[str, str],
    finished_at: int,
    length_ms: int,
    identity: tuple[str | None, str | None],
    belonging: tuple[str | None, str | None],
    commits: list[tuple[str, int]] | None,
    verdict: Verdict | None,
    outcome: Outcome | None,
    tags: tuple[str, ...] = (),
) -> Deployment:
    return Deployment(
        id=deployment_id,
        service=names[0],
        environment=names[1],
        started_at=finished_at - length_ms,
        finished_at=finished_at,
        version=identity[0],
        commit_sha=identity[1],
        team=belonging[0],
        repository=belonging[1],
        commits=None
        if commits is None
        else tuple(Commit(sha, finished_at + ahead, reverts=REVERTS.get(sha)) for sha, ahead in commits),
        verdict=verdict,
        outcome=outcome,
        tags=tags,
    )


def _deployments(verdict: st.SearchStrategy[Verdict | None]) -> st.SearchStrategy[Deployment]:
    ids = st.sampled_from(DEPLOYMENT_IDS)
    return st.builds(
        _deployment,
        deployment_id=ids,
        names=series,
        finished_at=moments,
        length_ms=lengths,
        identity=identities,
        belonging=belongings,
        commits=commit_lists,
        verdict=verdict,
        outcome=outcomes,
        tags=tags,
    )


deployments = _deployments(st.none())
judged_deployments = _deployments(st.one_of(st.none(), st.none(), st.none(), verdicts))
"""With verdicts, as only the store gives them."""


def _incident(
    *,
    incident_id: str,
    scope: tuple[tuple[str, ...], str | None],
    environment: str,
    started_at: int,
    end: tuple[str, int],
    identity: tuple[str | None, str | None],
    is_merged: bool,
    severity: str | None = None,
    tags: tuple[str, ...] = (),
) -> Incident:
    finished_at = {"open": None, "after": started_at + end[1], "at": max(started_at, NOW_MS - end[1])}[end[0]]
    return Incident(
        id=incident_id,
        services=scope[0],
        environment=environment,
        started_at=started_at,
        finished_at=finished_at,
        team=scope[1],
        version=identity[0],
        commit_sha=identity[1],
        merged_into=INCIDENT_IDS[0] if is_merged else None,
        severity=severity,
        tags=tags,
    )


scopes = st.sampled_from(
    [
        *[(SERVICES[:1], None)] * 4,
        *[(services, team) for services in (SERVICES[:1], SERVICES[:2], SERVICES) for team in (None, *TEAMS)],
        *[((), team) for team in TEAMS],
    ]
)
"""The services and the team of an incident: one, several, or a team alone."""

incidents = st.builds(
    _incident,
    incident_id=st.sampled_from(INCIDENT_IDS),
    scope=scopes,
    environment=st.sampled_from([ENVIRONMENTS[0]] * 3 + [*ENVIRONMENTS]),
    started_at=moments,
    end=st.tuples(st.sampled_from(["open", "after", "after", "at"]), lengths),
    identity=st.sampled_from([(None, None)] * 4 + [("v1", None), ("v2", None), (None, SHAS[0])]),
    is_merged=st.sampled_from([False] * 7 + [True]),
    severity=st.sampled_from([None, "SEV-1", "sev-2", "minor", "odd"]),
    tags=tags,
)
incident_rules = st.one_of(
    st.just(IncidentRules()),
    st.builds(
        IncidentRules,
        severities=st.sampled_from([{}, {"sev-1": 1, "sev-2": 2, "minor": 4}]),
        counted=st.sampled_from([frozenset({1, 2, 3, 4, 5}), frozenset({1, 2})]),
        unknown_severity=st.sampled_from([None, None, 2, 4]),
        minimum_ms=st.sampled_from([0, 1, HOUR_MS]),
        reopened_within_ms=st.sampled_from([None, 1, HOUR_MS, DAY_MS]),
    ),
)
"""Most leave something out, or take several incidents for one."""
attribution_limits = st.sampled_from([None, 0, HOUR_MS, 2 * DAY_MS])
"""No limit, or one that some incidents keep and others miss."""


def worlds() -> st.SearchStrategy[World]:
    """Whole states: every id once, verdicts given."""
    return st.builds(
        World,
        deployments=_sets_of_deployments(0) | _sets_of_deployments(4),
        incidents=st.lists(incidents, unique_by=lambda each: each.id, max_size=4).map(tuple),
        attribution_limit_ms=attribution_limits,
        team_of=st.sampled_from([{}, TEAM_OF]),
        rollback_rule=st.booleans(),
        incident_rules=incident_rules,
        groups=trees,
    )


def _sets_of_deployments(least: int) -> st.SearchStrategy[tuple[Deployment, ...]]:
    return st.lists(judged_deployments, unique_by=lambda each: each.id, min_size=least, max_size=8).map(tuple)


def actions() -> st.SearchStrategy[Action]:
    """One thing that happens: ids repeat, so events are replaced, moved, reopened, judged, deleted and made anew."""
    judgements = st.builds(Judgement, st.sampled_from(DEPLOYMENT_IDS), st.none() | verdicts)
    deletions = st.sampled_from(
        [Deletion("deployment", each, NOW_MS) for each in DEPLOYMENT_IDS]
        + [Deletion("incident", each, NOW_MS) for each in INCIDENT_IDS]
    )
    steps = st.sampled_from([1, MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS, RETENTION_MS, -1, -HOUR_MS]).map(ClockStep)
    return st.one_of(deployments, deployments, deployments, incidents, incidents, judgements, deletions, steps)


def crowded_actions() -> st.SearchStrategy[Action]:
    """As ``actions``, but all in one series, within hours, and of very few events: most touch what another one made."""
    ids, hours = DEPLOYMENT_IDS[:4], st.integers(0, 5).map(lambda number: NOW_MS - number * HOUR_MS)
    writes = st.builds(
        _deployment,
        deployment_id=st.sampled_from(ids),
        names=st.just((SERVICES[0], ENVIRONMENTS[0])),
        finished_at=hours,
        length_ms=st.sampled_from([0, 0, HOUR_MS]),
        identity=st.sampled_from([("v1", None), ("v2", None), (None, None), ("v1", SHAS[0]), (None, SHAS[1])]),
        belonging=st.just((None, None)),
        commits=commit_lists,
        verdict=st.none(),
    )
    few_incidents = st.builds(
        _incident,
        incident_id=st.sampled_from(INCIDENT_IDS[:3]),
        scope=st.just((SERVICES[:1], None)),
        environment=st.just(ENVIRONMENTS[0]),
        started_at=hours,
        end=st.tuples(st.sampled_from(["open", "after"]), st.sampled_from([0, HOUR_MS])),
        identity=st.sampled_from([(None, None), ("v1", None), (None, SHAS[0])]),
        is_merged=st.sampled_from([False] * 3 + [True]),
        severity=st.sampled_from([None, "SEV-1", "minor"]),
    )
    remedies = [Remediation("rollback", id=each) for each in ids]
    remedies += [Remediation("rollforward", version=each) for each in VERSIONS[:2]]
    named = [Verdict(change_failure=True, remediation=each) for each in remedies]
    judgements = st.builds(
        Judgement,
        st.sampled_from(ids),
        st.sampled_from([None, Verdict(change_failure=False), Verdict(change_failure=True), *named]),
    )
    deletions = st.sampled_from(
        [Deletion("deployment", each, NOW_MS) for each in ids]
        + [Deletion("incident", each, NOW_MS) for each in INCIDENT_IDS[:3]]
    )
    steps = st.sampled_from([1, HOUR_MS, -HOUR_MS, -2 * HOUR_MS]).map(ClockStep)
    return st.one_of(writes, writes, writes, judgements, few_incidents, deletions, steps)
