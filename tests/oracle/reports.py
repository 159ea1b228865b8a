"""Which reports of deployments count: every two reports are looked at, nearest beginnings first."""

from collections.abc import Iterable, Sequence

from dora_exporter.dora.events import Deployment


def counted(reports: Sequence[Deployment], within_ms: int) -> dict[str, str]:
    """The id of each report, with that of the report that counts for it."""
    deployments: list[list[Deployment]] = [[each] for each in reports]
    pairs = [(one, other) for one in reports for other in reports if _preference(one) < _preference(other)]
    for one, other in sorted(pairs, key=_nearness):
        if not _may_be_one(one, other, within_ms):
            continue
        mine, theirs = _holding(one, deployments), _holding(other, deployments)
        if not set(map(_reporter, mine)) & set(map(_reporter, theirs)):
            deployments = [group for group in deployments if group is not theirs]
            mine.extend(theirs)
    return {each.id: min(group, key=_preference).id for group in deployments for each in group}


def _may_be_one(one: Deployment, other: Deployment, within_ms: int) -> bool:
    same_version = one.version is not None and one.version == other.version
    same_sha = one.commit_sha is not None and one.commit_sha == other.commit_sha
    is_near = abs(one.started_at - other.started_at) <= within_ms
    if one.source == other.source and not (_is_leg(one) and _is_leg(other)):
        return False
    return one.series == other.series and (same_version or same_sha) and is_near


def _is_leg(report: Deployment) -> bool:
    return report.upstream is not None and "leg" in report.upstream


def _reporter(report: Deployment) -> str:
    """Whoever tells its own deployments apart; legs of one deployment are not told apart."""
    return f"leg {report.id}" if _is_leg(report) else report.source


def _holding(report: Deployment, deployments: Iterable[list[Deployment]]) -> list[Deployment]:
    (group,) = [group for group in deployments if any(each is report for each in group)]
    return group


def _preference(report: Deployment) -> tuple[int, int, str]:
    """Sent before found, found with a SHA before found without, else the first."""
    kinds = (report.source == "api", report.commit_sha is not None, True)
    return kinds.index(True), report.started_at, report.id


def _nearness(pair: tuple[Deployment, Deployment]) -> tuple[int, int, str, str]:
    one, other = pair
    return abs(one.started_at - other.started_at), one.started_at, one.id, other.id
