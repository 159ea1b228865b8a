"""Which deployment is to blame for what, which remedied it and when: one series, judged alone.

All functions take the living deployments and incidents of one series that are seen at the moment.
"""

from collections.abc import Sequence
from functools import lru_cache

from tests.oracle.living import finish_order, is_open, start_order
from tests.oracle.reverts import reverted_by

from dora_exporter.dora.events import Deployment, Incident

CAUSES = ("verdict", "rollback", "revert", "rule", "incident")


def attributed_to(
    incident: Incident, deployments: Sequence[Deployment], attribution_limit_ms: int | None
) -> Deployment | None:
    """The deployment that an incident is put down to, None when it is to none."""
    before = [each for each in deployments if each.started_at <= incident.started_at]
    named = [each for each in before if _names(incident, each)]
    if named:
        return max(named, key=start_order)
    if not before:
        return None
    latest = max(before, key=start_order)
    if attribution_limit_ms is not None and incident.started_at - latest.started_at > attribution_limit_ms:
        return None
    return latest


def _names(incident: Incident, deployment: Deployment) -> bool:
    same_version = incident.version is not None and incident.version == deployment.version
    same_sha = incident.commit_sha is not None and incident.commit_sha == deployment.commit_sha
    return same_version or same_sha


def incidents_of(
    deployment: Deployment,
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    attribution_limit_ms: int | None,
) -> list[Incident]:
    """The incidents that are put down to a deployment."""
    return [each for each in incidents if attributed_to(each, deployments, attribution_limit_ms) is deployment]


def are_equal(one: Deployment, other: Deployment) -> bool:
    """Whether two deployments brought the same code; one without SHA and version equals nothing."""
    if one.commit_sha is not None and other.commit_sha is not None:
        return one.commit_sha == other.commit_sha
    return one.version is not None and one.version == other.version


def rolled_back_by(rollback: Deployment, deployments: Sequence[Deployment]) -> Deployment | None:
    """The failed deployment that a rollback undid, None when the deployment is no rollback."""
    return next((failed for each, failed in rollbacks(deployments) if each is rollback), None)


class _Same:
    """Deployments as the key of a cache: the same objects in the same order, for events are not hashed."""

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments = tuple(deployments)
        self._ids = tuple(map(id, self.deployments))

    def __hash__(self) -> int:
        return hash(self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._ids == other._ids


def rollbacks(deployments: Sequence[Deployment]) -> Sequence[tuple[Deployment, Deployment]]:
    """The rollbacks with what they undid. What was undone is no longer underneath: it comes again as if it were new."""
    return _rollbacks(_Same(deployments))


@lru_cache(maxsize=64)
def _rollbacks(among: _Same) -> Sequence[tuple[Deployment, Deployment]]:
    """Asked for again and again of the same deployments: for each pair of them."""
    in_order = sorted(among.deployments, key=finish_order)
    found = []
    underneath: list[int] = []
    for place, each in enumerate(in_order):
        targets = [index for index in range(place) if are_equal(in_order[index], each)]
        is_return = bool(targets) and not are_equal(in_order[place - 1], each)
        if is_return and targets[-1] in underneath:
            found.append((each, in_order[targets[-1] + 1]))
            underneath = [index for index in underneath if index <= targets[-1]]
        underneath.append(place)
    return found


def remedies_of(
    failed: Deployment, deployments: Sequence[Deployment], *, rollback_rule: bool, revert_rule: bool = False
) -> list[Deployment]:
    """The deployments that remedied a failed one, in order: the one its verdict names, else all rollbacks and reverts.

    A version is that of the first deployment after the failed one; what came before it remedied nothing. One
    that does not exist hides nothing.
    """
    later = [each for each in sorted(deployments, key=finish_order) if finish_order(each) > finish_order(failed)]
    named = failed.verdict.remediation if failed.verdict is not None else None
    if named is not None and named.id is not None:
        chosen = [each for each in later if each.id == named.id]
    elif named is not None:
        chosen = [each for each in later if each.version == named.version][:1]
    else:
        chosen = []
    return chosen or [
        each
        for each in later
        if (rollback_rule and rolled_back_by(each, deployments) is failed)
        or (revert_rule and _is_among(failed, reverted_by(each, deployments)))
    ]


def cause_of(
    deployment: Deployment,
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    attribution_limit_ms: int | None,
    *,
    rollback_rule: bool,
    revert_rule: bool = False,
) -> str | None:
    """Why a deployment failed, None when it did not."""
    if deployment.verdict is not None:
        return "verdict" if deployment.verdict.change_failure else None
    if rollback_rule and any(rolled_back_by(each, deployments) is deployment for each in deployments):
        return "rollback"
    if revert_rule and any(_is_among(deployment, reverted_by(each, deployments)) for each in deployments):
        return "revert"
    if incidents_of(deployment, deployments, incidents, attribution_limit_ms):
        return "incident"
    return None


def recovered_at(
    failed: Deployment,
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    attribution_limit_ms: int | None,
    now_ms: int,
    *,
    rollback_rule: bool,
    revert_rule: bool = False,
) -> int | None:
    """When a failed deployment was remedied or its incidents were over, None while neither is so.

    Not before it finished, nor, where only incidents say that it failed, before the first of them began.
    """
    start = broke_at(
        failed, deployments, incidents, attribution_limit_ms, rollback_rule=rollback_rule, revert_rule=revert_rule
    )
    moments = [
        each.finished_at
        for each in remedies_of(failed, deployments, rollback_rule=rollback_rule, revert_rule=revert_rule)
    ]
    attributed = incidents_of(failed, deployments, incidents, attribution_limit_ms)
    if attributed and not any(is_open(each, now_ms) for each in attributed):
        moments.append(max(each.finished_at for each in attributed if each.finished_at is not None))
    return max(start, min(moments)) if moments else None


def broke_at(
    failed: Deployment,
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    attribution_limit_ms: int | None,
    *,
    rollback_rule: bool,
    revert_rule: bool = False,
) -> int:
    """The moment from which the recovery of a failed deployment counts."""
    everything = (deployments, incidents, attribution_limit_ms)
    if cause_of(failed, *everything, rollback_rule=rollback_rule, revert_rule=revert_rule) != "incident":
        return failed.finished_at
    return max(failed.finished_at, min(each.started_at for each in incidents_of(failed, *everything)))


def is_rework(
    deployment: Deployment,
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    attribution_limit_ms: int | None,
    *,
    rollback_rule: bool,
    revert_rule: bool = False,
) -> bool:
    """Whether it remedied a failure, or was the first to finish after an earlier one's incident began."""
    for each in deployments:
        cause = cause_of(
            each, deployments, incidents, attribution_limit_ms, rollback_rule=rollback_rule, revert_rule=revert_rule
        )
        remedies = remedies_of(each, deployments, rollback_rule=rollback_rule, revert_rule=revert_rule)
        if cause is not None and _is_among(deployment, remedies):
            return True
    return any(
        _first_after(each, attributed_to(each, deployments, attribution_limit_ms), deployments) is deployment
        for each in incidents
    )


def _first_after(incident: Incident, blamed: Deployment | None, deployments: Sequence[Deployment]) -> Deployment | None:
    if blamed is None:
        return None
    later = [
        each
        for each in deployments
        if finish_order(each) > finish_order(blamed) and each.finished_at > incident.started_at
    ]
    return min(later, key=finish_order) if later else None


def _is_among(deployment: Deployment, others: Sequence[Deployment]) -> bool:
    return any(each is deployment for each in others)
