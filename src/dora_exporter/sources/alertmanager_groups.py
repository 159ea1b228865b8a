"""Groups of alerts as incidents: a group is one from its first alert on until none of its alerts fires."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from msgspec.structs import replace

from dora_exporter.events import Incident
from dora_exporter.sources.source import Sink

Ends = Mapping[str, int | None]
"""When each alert of a group ended, by the id that it has as an incident of its own; None while it fires."""


class Groups:
    """The incidents that groups were last.

    A notification names only alerts that fire or just ended, and it may come twice or late: so what is known of a
    group's alerts is kept with its incident, and each notification adds to it.
    """

    def __init__(self, source: str) -> None:
        """Knows no group before the first notification."""
        self._source = source
        self._latest: dict[str, str] | None = None

    async def take(self, alerts: Sequence[Incident], sink: Sink, *, key: str, is_over: bool) -> list[Incident]:
        """What a notification about some alerts of a group changes. ``is_over`` says that none of them fires."""
        if self._latest is None:
            self._latest = await self._recall(sink)
        group = blake2b(key.encode(), digest_size=8).hexdigest()
        held = sink.incident(self._latest.get(group, ""))
        if held is None:
            return [self._begun(group, alerts)]
        known = [each for each in alerts if each.id in _ends_of(held)]
        updated = _grown(held, known, is_over=is_over)
        new = [each for each in alerts if each not in known and not _is_before(each, updated)]
        if new and updated.finished_at is not None and updated.finished_at < min(each.started_at for each in new):
            return [updated, self._begun(group, new)]
        return [_grown(updated, new, is_over=is_over)]

    def _begun(self, group: str, alerts: Sequence[Incident]) -> Incident:
        """The incident that begins with some alerts."""
        first = min(alerts, key=lambda each: (each.started_at, each.id))
        ends = {each.id: each.finished_at for each in alerts}
        empty = replace(
            first,
            id=f"{self._source}:{group}:{first.started_at}",
            finished_at=None,
            revision=None,
            upstream={"group": group, "ends": ends},
        )
        if self._latest is not None:
            self._latest[group] = empty.id
        return _grown(empty, alerts, is_over=False)

    async def _recall(self, sink: Sink) -> dict[str, str]:
        """The latest incident of each group that is held."""
        latest: dict[str, Incident] = {}
        async for incident in sink.incidents():
            group = (incident.upstream or {}).get("group")
            if group is not None and (group not in latest or latest[group].started_at < incident.started_at):
                latest[group] = incident
        return {group: incident.id for group, incident in latest.items()}


def _ends_of(incident: Incident) -> Ends:
    ends: Ends = (incident.upstream or {}).get("ends", {})
    return ends


def _is_before(alert: Incident, incident: Incident) -> bool:
    """Whether an alert had ended when the group's incident began: it belongs to an earlier one."""
    return alert.finished_at is not None and alert.finished_at < incident.started_at


def _grown(incident: Incident, alerts: Sequence[Incident], *, is_over: bool) -> Incident:
    """The incident with what is said of some of its alerts. That one ended is never taken back."""
    ends = dict(_ends_of(incident))
    for alert in alerts:
        ends[alert.id] = _later(ends.get(alert.id), alert.finished_at)
    last = max((end for end in ends.values() if end is not None), default=None)
    if is_over and last is not None:
        ends = {each: last if end is None else end for each, end in ends.items()}
    services = {*incident.services, *(name for alert in alerts for name in alert.services)}
    return replace(
        incident,
        services=tuple(sorted(services)),
        started_at=min([incident.started_at, *(alert.started_at for alert in alerts)]),
        finished_at=None if None in ends.values() else last,
        upstream={**(incident.upstream or {}), "ends": ends},
    )


def _later(one: int | None, other: int | None) -> int | None:
    return max((end for end in (one, other) if end is not None), default=None)
