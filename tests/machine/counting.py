"""Which events count at a moment: which are too old, not yet come, merged, or another report of the same deployment."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.machine.facts import Deployed, Line, Suffered, Terms, World


def is_open(each: Suffered, now: int) -> bool:
    """Whether an incident is not resolved by now."""
    return each.finished_at is None or each.finished_at > now


def has_come(each: Deployed | Suffered, now: int) -> bool:
    """Whether the time of an event has come."""
    return (each.finished_at if isinstance(each, Deployed) else each.started_at) <= now


def counted(deployments: Iterable[Deployed], terms: Terms, now: int) -> list[Deployed]:
    """The deployments that are kept, each once however often it was reported: not too old, or the last of a series."""
    reports = [each for each in deployments if each.outcome is None]
    lines = {each.line for each in reports}
    kept = []
    for line in lines:
        mine = united([each for each in reports if each.line == line], terms.merge_within_ms)
        seen = [each for each in mine if has_come(each, now)]
        last = max(seen, key=lambda each: each.order, default=None)
        kept += [each for each in mine if each is last or each.finished_at >= now - terms.retention_ms]
    return kept


def attempts(deployments: Iterable[Deployed], terms: Terms, now: int) -> list[Deployed]:
    """The attempts that did not succeed and are not too old."""
    return [each for each in deployments if each.outcome and each.finished_at >= now - terms.retention_ms]


def troubles(incidents: Iterable[Suffered], terms: Terms, now: int) -> list[Suffered]:
    """The incidents that are kept: not merged, and open or not too old."""
    return [
        each
        for each in incidents
        if not each.is_merged
        and (each.finished_at is None or is_open(each, now) or each.finished_at >= now - terms.retention_ms)
    ]


def droppable(world: World, terms: Terms, now: int) -> set[str]:
    """The ids of events that need not be kept: too old, and neither open nor the last deployment of their series."""
    oldest = now - terms.retention_ms
    old = {each.id for each in world.incidents.values() if each.finished_at is not None and each.finished_at < oldest}
    old |= {each.id for each in world.deployments.values() if each.outcome and each.finished_at < oldest}
    for line in {each.line for each in world.deployments.values()}:
        mine = [each for each in world.deployments.values() if each.line == line and each.outcome is None]
        seen = [each for each in united(mine, terms.merge_within_ms) if has_come(each, now)]
        last = max(seen, key=lambda each: each.order, default=None)
        old |= {each.id for each in mine if (last is None or each.id != last.id) and each.finished_at < oldest}
    return old


def groups_of(reports: Sequence[Deployed], within_ms: int) -> list[list[Deployed]]:
    """The reports of each deployment of a series, best first: sent, then found with a SHA, then the first.

    A reporter, the senders together or one source, tells its own deployments apart; the nearest beginnings meet first.
    """
    pairs = [
        sorted((one, other), key=_preference)
        for place, one in enumerate(reports)
        for other in reports[:place]
        if one.source != other.source and _are_alike(one, other, within_ms)
    ]
    pairs.sort(
        key=lambda each: (abs(each[0].started_at - each[1].started_at), each[0].started_at, each[0].id, each[1].id)
    )
    group_of = {each.id: [each] for each in reports}
    for one, other in pairs:
        mine, theirs = group_of[one.id], group_of[other.id]
        if not {each.source for each in mine} & {each.source for each in theirs}:
            mine.extend(theirs)
            for each in theirs:
                group_of[each.id] = mine
    distinct = {id(group): group for group in group_of.values()}
    return [sorted(group, key=_preference) for group in distinct.values()]


def united(reports: Sequence[Deployed], within_ms: int) -> list[Deployed]:
    """The deployments of a series, each once: what counts is the best report of it, with a verdict on any."""
    return [
        replace(
            group[0],
            said=next((each.said for each in group if each.said is not None), None),
            reports=tuple(each.id for each in group[1:]),
            found=next((each.found for each in group if each.found is not None), None),
        )
        for group in groups_of(reports, within_ms)
    ]


def superseded(reports: Sequence[Deployed], within_ms: int) -> set[str]:
    """The ids of reports that another report stands for."""
    return {each.id for group in groups_of(reports, within_ms) for each in group[1:]}


def _preference(report: Deployed) -> tuple[bool, bool, int, str]:
    return report.source != "api", report.sha is None, report.started_at, report.id


def _are_alike(one: Deployed, other: Deployed, within_ms: int) -> bool:
    same_version = one.version is not None and one.version == other.version
    same_sha = one.sha is not None and one.sha == other.sha
    return (same_version or same_sha) and abs(one.started_at - other.started_at) <= within_ms


def teams_of(each: Deployed | Suffered, terms: Terms) -> set[str]:
    """The team that an event names, else those of its services."""
    if each.team is not None:
        return {each.team}
    services = (each.service,) if isinstance(each, Deployed) else each.services
    return {team for team in map(terms.team_for, services) if team is not None}


def tree_groups_of(each: Deployed | Suffered, terms: Terms) -> set[str]:
    """The groups of each of its services."""
    services: tuple[str | None, ...] = (each.service,) if isinstance(each, Deployed) else each.services
    found: set[str] = set()
    for service in services or (None,):
        team = each.team if each.team is not None else terms.team_for(service or "")
        found |= set(terms.groups_for(service, team))
    return found


def lines_of(each: Deployed | Suffered) -> set[Line]:
    """The series that an event counts in."""
    return {each.line} if isinstance(each, Deployed) else set(each.lines)
