"""Which events exist at all at a moment: not yet too old, and not in the future."""

from collections.abc import Iterable, Mapping, Sequence

from dora_exporter.dora.events import Deployment, Incident, Series
from dora_exporter.dora.groups import Groups

Teams = Mapping[str, str]
"""The configured team of a service."""


def finish_order(deployment: Deployment) -> tuple[int, int, str]:
    """The order in which a series' deployments came into effect."""
    return deployment.finished_at, deployment.started_at, deployment.id


def start_order(deployment: Deployment) -> tuple[int, int, str]:
    """The order in which attribution ranks deployments."""
    return deployment.started_at, deployment.finished_at, deployment.id


def is_seen(event: Deployment | Incident, now_ms: int) -> bool:
    """Whether its time has come."""
    if isinstance(event, Deployment):
        return event.finished_at <= now_ms
    return event.started_at <= now_ms


def is_open(incident: Incident, now_ms: int) -> bool:
    """Whether it is not resolved by now."""
    return incident.finished_at is None or incident.finished_at > now_ms


def is_last_of_its_series(deployment: Deployment, deployments: Iterable[Deployment], now_ms: int) -> bool:
    """Whether nothing in its series finished later, up to now."""
    rivals = [each for each in deployments if each.series == deployment.series and is_seen(each, now_ms)]
    return any(each is deployment for each in rivals) and all(
        finish_order(each) <= finish_order(deployment) for each in rivals
    )


def living_deployments(deployments: Iterable[Deployment], now_ms: int, retention_ms: int) -> list[Deployment]:
    """Those within the retention or ahead of now, and the last one of each series."""
    held = list(deployments)
    return [
        each for each in held if each.finished_at >= now_ms - retention_ms or is_last_of_its_series(each, held, now_ms)
    ]


def living_incidents(incidents: Iterable[Incident], now_ms: int, retention_ms: int) -> list[Incident]:
    """Those open, within the retention or ahead of now, unless they were merged into another."""
    return [
        each
        for each in incidents
        if each.merged_into is None
        and (each.finished_at is None or is_open(each, now_ms) or each.finished_at >= now_ms - retention_ms)
    ]


def series_of(event: Deployment | Incident) -> set[Series]:
    """The series in which it counts."""
    return {event.series} if isinstance(event, Deployment) else set(event.series)


def teams_of(event: Deployment | Incident, team_of: Teams) -> set[str]:
    """The team that it names, else those configured for its services."""
    if event.team is not None:
        return {event.team}
    services = (event.service,) if isinstance(event, Deployment) else event.services
    return {team_of[service] for service in services if service in team_of}


def groups_of(event: Deployment | Incident, tree: Groups, team_of: Teams) -> set[str]:
    """The groups in which it counts: of each service that of the service, else that of its team, and all above."""
    services: tuple[str | None, ...] = (event.service,) if isinstance(event, Deployment) else event.services
    found: set[str] = set()
    for service in services or (None,):
        team = event.team if event.team is not None else team_of.get(service or "")
        own = tree.of_services.get(service or "")
        found |= set(up(own if own is not None else tree.of_teams.get(team or ""), tree))
    return found


def up(group: str | None, tree: Groups) -> list[str]:
    """A group and all above it."""
    return [] if group is None else [group, *up(tree.above[group], tree)]


def values_of(event: Deployment | Incident, dimensions: Sequence[str]) -> set[tuple[str, ...]]:
    """Each dimension with the value of the first tag that has one."""
    found: set[tuple[str, ...]] = set()
    for dimension in dimensions:
        values = [tag.removeprefix(f"{dimension}:") for tag in event.tags if tag.startswith(f"{dimension}:")]
        shown = ["_other_" if each == "_other" else each[:200] for each in values if each]
        found |= {(dimension, value) for value in shown[:1]}
    return found
