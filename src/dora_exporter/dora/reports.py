"""Groups the reports of one deployment, and selects the one that counts.

Two reports of a series are of one deployment if they name the same version or SHA and started within a limit of each
other. A reporter (all senders together, or one source) tells its own deployments apart, so a group has at most one
report from each. Reports with the nearest starts are grouped first. A leg is one of several deployments by which a
source reports a single one, such as those of a matrix of jobs: each is a reporter of its own.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from dora_exporter.dora.events import FOUND_VERDICT, SENT, Deployment, Shipped
from dora_exporter.dora.repository_parts import parts_of
from dora_exporter.dora.sorted_in_steps import sorted_in_steps

Edge = tuple[Deployment, Deployment]
"""Two reports that may be of one deployment; the preferred one is first."""

Nearness = tuple[int, int, str, str]
"""The order of edges; no two have the same ids."""

_Near = tuple[int, int, str, str, Deployment, Deployment]
"""An edge as it is sorted."""

LEG = "leg"
"""The fact in ``upstream`` by which a source says that a deployment may be a leg."""

_source = attrgetter("source")


def are_any_found(deployments: Iterable[Deployment]) -> bool:
    """Whether a source found one of many deployments."""
    return not {SENT}.issuperset(map(_source, deployments))


def is_leg(deployment: Deployment) -> bool:
    """Whether other deployments of the same source may be the same one."""
    return LEG in (deployment.upstream or {})


def _reporter(deployment: Deployment) -> tuple[str, str]:
    return deployment.source, deployment.id if is_leg(deployment) else ""


def names_of(deployment: Deployment) -> list[Hashable]:
    """The names that another report of the same deployment may share."""
    kinds = (("version", deployment.version), ("sha", deployment.commit_sha))
    return [(kind, name) for kind, name in kinds if name]


def rank(report: Deployment) -> tuple[bool, bool, int, str]:
    """The preference among reports of one deployment: sent, found with a SHA, found without; then the earliest."""
    return report.is_found, report.commit_sha is None, report.started_at, report.id


def edge(one: Deployment, other: Deployment) -> Edge:
    """Two reports, the preferred one first."""
    return (one, other) if rank(one) < rank(other) else (other, one)


def nearness(one: Deployment, other: Deployment) -> Nearness:
    """The order in which pairs of reports are decided about."""
    first, second = edge(one, other)
    return abs(first.started_at - second.started_at), first.started_at, first.id, second.id


def may_be_one(one: Deployment, other: Deployment, *, within_ms: int) -> bool:
    """Whether two reports may be of one deployment."""
    is_told_twice = one.source != other.source or (is_leg(one) and is_leg(other))
    return (
        is_told_twice
        and abs(one.started_at - other.started_at) <= within_ms
        and not set(names_of(one)).isdisjoint(names_of(other))
    )


def are_joinable(mine: Iterable[Deployment], theirs: Iterable[Deployment]) -> bool:
    """Whether two groups can be one: two reports from one reporter are two deployments, however near they started."""
    return set(map(_reporter, mine)).isdisjoint(map(_reporter, theirs))


def grouping(edges: Iterable[Edge | None]) -> Iterator[list[Deployment] | None]:
    """The reports of each deployment that has several, in order of preference.

    None is a step without a result, in the edges and here.
    """
    found: dict[tuple[str, str], _Near] = {}
    for each in edges:
        if each is None:
            yield None
        else:
            found[each[0].id, each[1].id] = _near(*each)
    groups: dict[str, list[Deployment]] = {}
    for *_, one, other in (yield from sorted_in_steps(list(found.values()))):
        mine, theirs = groups.setdefault(one.id, [one]), groups.setdefault(other.id, [other])
        if are_joinable(mine, theirs):
            mine += theirs
            groups.update(dict.fromkeys((each.id for each in theirs), mine))
        yield None
    for group in distinct(groups):
        yield sorted(group, key=rank) if len(group) > 1 else None


def merged(group: list[Deployment]) -> Deployment:
    """The report that counts, with the first verdicts, the first source's facts and the commits of the whole group."""
    first = group[0]
    verdict = next((each.verdict for each in group if each.verdict is not None), None)
    upstream = _facts_of(group)
    shipped = _shipped_by(group)
    if verdict is first.verdict and upstream is first.upstream and shipped is first.shipped:
        return first
    return replace(first, verdict=verdict, upstream=upstream, shipped=shipped)


def _facts_of(group: Sequence[Deployment]) -> dict[str, Any] | None:
    """The first source's facts, with the verdict of the first source that has one."""
    known = [each.upstream for each in group if each.upstream is not None]
    judging = next((each for each in known if each.get(FOUND_VERDICT[0]) is not None), None)
    if judging is None or judging is known[0]:
        return known[0] if known else None
    return {**known[0], **{key: judging.get(key) for key in FOUND_VERDICT}}


def _shipped_by(group: Sequence[Deployment]) -> Shipped | None:
    """The commits found in Git for any report of the group."""
    first, *others = group
    if first.commits is not None:  # the sender listed them, and what Git says does not add to that
        return first.shipped
    known = [each.shipped for each in others if each.commits is None and each.shipped]
    parts = [
        replace(part, left_out={}, further=())
        for each in known
        for part in parts_of(each)
        if part.commits or part.merges
    ]
    if not parts:
        return first.shipped
    own = first.shipped or parts.pop(0)
    return replace(own, further=(*own.further, *parts))


def distinct(groups: Mapping[str, list[Deployment]]) -> Iterable[list[Deployment]]:
    """The groups to which ids lead, each once."""
    # Each report leads to the list of its group; lists have no hash, and events must not be compared.
    return {id(group): group for group in groups.values()}.values()


def _near(one: Deployment, other: Deployment) -> _Near:
    return *nearness(one, other), one, other
