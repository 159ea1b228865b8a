"""Groups of alerts as incidents: a group is one from its first alert on until none of its alerts fires."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from msgspec.structs import replace

from dora_exporter.events import Incident
from dora_exporter.sources.source import Sink

_REMEMBERED = 5
"""So many incidents of a group are looked at when a notification comes late."""

Ends = Mapping[str, int | None]
"""When each alert of a group ended, by the id that it has as an incident of its own; None while it fires."""


class Groups:
    """The incidents that groups were of late.

    A notification names only alerts that fire or just ended, and it may come twice or late: so what is known of a
    group's alerts is kept with its incident, and each notification adds to it.
    """

    def __init__(self, source: str) -> None:
        """``source`` is the name of the source whose groups these are."""
        self._source = source

    async def take(self, alerts: Sequence[Incident], sink: Sink, *, key: str, is_over: bool) -> list[Incident]:
        """What a notification about some alerts of a group changes. ``is_over`` says that none of them fires."""
        group = blake2b(key.encode(), digest_size=8).hexdigest()
        held = await self._recall(group, sink)
        changed: list[Incident] = []
        new = list(alerts)
        for incident in held:
            ends = _ends_of(incident)
            known = [each for each in new if each.id in ends]
            new = [each for each in new if each.id not in ends]
            changed.append(_grown(incident, known, is_over=is_over and bool(known)))
        if changed:
            new = [each for each in new if not _is_before(each, changed[-1])]
        if new and (not changed or _is_over_before(changed[-1], new)):
            changed.append(self._begun(group, new))
        elif new:
            changed[-1] = _grown(changed[-1], new, is_over=is_over)
        return changed

    def _begun(self, group: str, alerts: Sequence[Incident]) -> Incident:
        """The incident that begins with some alerts."""
        first = min(alerts, key=lambda each: (each.started_at, each.id))
        incident = replace(
            first,
            id=f"{self._source}:{group}:{first.started_at}",
            revision=None,
            upstream={"group": group, "ends": {}},
        )
        return _grown(incident, alerts, is_over=False)

    async def _recall(self, group: str, sink: Sink) -> list[Incident]:
        """The latest incidents of a group that are held, oldest first: other replicas may have begun some of them."""
        held = [each async for each in sink.incidents() if (each.upstream or {}).get("group") == group]
        return sorted(held, key=lambda each: (each.started_at, each.id))[-_REMEMBERED:]


def _ends_of(incident: Incident) -> Ends:
    ends: Ends = (incident.upstream or {}).get("ends", {})
    return ends


def _is_before(alert: Incident, incident: Incident) -> bool:
    """Whether an alert had ended when the group's incident began: it belongs to an earlier one."""
    return alert.finished_at is not None and alert.finished_at < incident.started_at


def _is_over_before(incident: Incident, alerts: Sequence[Incident]) -> bool:
    return incident.finished_at is not None and incident.finished_at < min(each.started_at for each in alerts)


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
