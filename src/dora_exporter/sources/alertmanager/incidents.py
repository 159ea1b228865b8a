"""Turns alerts into incidents: one for each alert, or one for each group.

An incident of one alert is one firing period of it. An incident of a group lasts while any of its alerts fires. What
was told is kept with the incident in ``upstream``, as far as it does not follow from its fields.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from dora_exporter.dora.events import Incident
from dora_exporter.dora.records import Deletion
from dora_exporter.sources.alertmanager.alert_history import AlertHistory
from dora_exporter.sources.contract import Item

_MOST_ALERTS = 10_000
"""So many alerts are kept with the incident of a group, and all that fire: one that never ends would have ever more."""

_REMEMBERED = 10
"""The number of latest incidents of an alert or group that a notice can change: notices may be late."""


class Notice(NamedTuple):
    """What a notification says of one alert: it fires, or it ended. ``incident`` has what its labels say."""

    alert: str
    began: int
    ended: int | None
    incident: Incident


class Subject:
    """An alert, or a group of alerts: what becomes incidents. ``key`` tells it from others of the source."""

    def __init__(self, source: str, key: str, held: Iterable[Incident], *, group: str | None) -> None:
        """``held`` are its incidents so far. ``group`` is the group's key, None for a single alert."""
        self._prefix = f"{source}:{key}:"
        self._key = key
        self._group = group
        self._held = sorted(held, key=lambda each: (each.started_at, each.id))[-_REMEMBERED:]
        self._histories: dict[str, AlertHistory] = {}
        for incident in self._held:
            for alert, history in _histories_in(incident, key).items():
                self._histories.setdefault(alert, AlertHistory()).add(history)

    def apply(self, notices: Sequence[Notice], *, is_over: bool, now_ms: int, notice_step_ms: int | None) -> list[Item]:
        """What notices change. ``is_over`` says that none of the group's alerts fires.

        With ``notice_step_ms`` the moment of the last notice is kept, to the step. What one notification says twice is
        told once: only a later one says that an alert goes on.
        """
        distinct = {each[:3]: each for each in notices}
        counted = [each for each in distinct.values() if self._counts(each)]
        for each in counted:
            history = self._histories.setdefault(each.alert, AlertHistory())
            if each.ended is None:
                history.fires(each.began, now_ms=now_ms)
            else:
                history.is_over(each.began, each.ended)
        if is_over:
            self._end_all(max((each.ended for each in counted if each.ended is not None), default=None))
        return self._items(counted, now_ms=now_ms, notice_step_ms=notice_step_ms)

    def _counts(self, notice: Notice) -> bool:
        """An alert that had ended before the group's last incident began, and is not known, was of an earlier one."""
        if self._group is None or notice.alert in self._histories or notice.ended is None or not self._held:
            return True
        return notice.ended >= self._held[-1].started_at

    def _end_all(self, end: int | None) -> None:
        for history in self._histories.values():
            last = history.periods()[-1]
            if end is not None and last.ended is None and last.starts[-1] <= end:
                history.is_over(last.starts[-1], end)

    def _items(self, notices: Sequence[Notice], *, now_ms: int, notice_step_ms: int | None) -> list[Item]:
        items: list[Item] = []
        for began, ended in self._spans():
            mine = [each for each in self._held if _is_within(_own_start(each), began, ended)]
            new = [each for each in notices if _is_within(each.began, began, ended)]
            if not new and len(mine) == 1 and (mine[0].started_at, mine[0].finished_at) == (began, ended):
                continue
            incident = self._incident(mine, new, began)
            facts = self._facts(began, ended)
            if notice_step_ms is not None:
                facts |= _last_notice(mine, new, now_ms=now_ms, step_ms=notice_step_ms)
            items.append(replace(incident, started_at=began, finished_at=ended, revision=None, upstream=facts or None))
            items.extend(Deletion("incident", each.id, now_ms) for each in mine[1:])
        return items

    def _spans(self) -> list[tuple[int, int | None]]:
        """The times in which any alert fires; touching periods are merged."""
        periods = [(period.began, period.ended) for history in self._histories.values() for period in history.periods()]
        spans: list[tuple[int, int | None]] = []
        for began, ended in sorted(periods, key=lambda period: period[0]):
            if not spans or (spans[-1][1] is not None and began > spans[-1][1]):
                spans.append((began, ended))
            else:
                last = spans[-1][1]
                spans[-1] = spans[-1][0], None if last is None or ended is None else max(last, ended)
        return spans

    def _incident(self, mine: Sequence[Incident], new: Sequence[Notice], began: int) -> Incident:
        """The fields that do not follow from times: those of a group are its first alert's, but for the services."""
        telling = [each for each in new if each.incident.services or each.incident.team]
        if telling and self._group is None:
            base = telling[-1].incident
        elif mine:
            base = mine[0]
        elif telling:
            base = min(telling, key=lambda each: each.began).incident
        else:
            base = self._held[-1]  # the incident that this period was split from
        event_id = mine[0].id if mine else f"{self._prefix}{began}"
        services = {*base.services, *(name for each in mine for name in each.services)}
        if self._group is not None:
            services.update(name for each in new for name in each.incident.services)
        return replace(
            base, id=event_id, services=tuple(sorted(services)) if self._group is not None else base.services
        )

    def _facts(self, began: int, ended: int | None) -> dict[str, Any]:
        parts = {alert: history.part(began, ended) for alert, history in self._histories.items()}
        if self._group is None and parts == {self._key: AlertHistory({began}, set() if ended is None else {ended})}:
            return {}
        known = {alert: part for alert, part in sorted(parts.items()) if part.starts}
        forgotten = _surplus(known)
        dumped = {alert: part.dump() for alert, part in known.items() if alert not in forgotten}
        return {"alerts": dumped} if self._group is None else {"group": self._group, "alerts": dumped}


def last_notice_ms(incident: Incident) -> int | None:
    """When a notification last confirmed that the incident is open; None if that was not recorded."""
    moment_ms: int | None = (incident.upstream or {}).get("told")
    return moment_ms


def with_last_notice(incident: Incident, moment_ms: int) -> Incident:
    """The incident, last confirmed at that time."""
    return replace(incident, upstream={**(incident.upstream or {}), "told": moment_ms})


def closed_as_stale(incident: Incident, key: str, at_ms: int) -> Incident:
    """The incident, closed because no notification repeated it. A later notification reopens or corrects it."""
    end = max(at_ms, incident.started_at)
    histories = _histories_in(incident, key)
    for each in histories.values():
        if each.periods()[-1].ended is None:
            each.stale.add(max(end, each.periods()[-1].starts[-1]))
    facts = {**(incident.upstream or {}), "alerts": {alert: each.dump() for alert, each in histories.items()}}
    finished = max(period.ended or end for each in histories.values() for period in each.periods()[-1:])
    return replace(incident, finished_at=max(end, finished), upstream=facts)


def group_of(incident: Incident) -> str | None:
    """The alert group of an incident; None for the incident of a single alert."""
    group: str | None = (incident.upstream or {}).get("group")
    return group


def alerts_of(incident: Incident) -> Iterable[str]:
    """The alerts of a group's incident."""
    return _histories_in(incident, "").keys()


def _histories_in(incident: Incident, key: str) -> dict[str, AlertHistory]:
    facts = incident.upstream or {}
    if "alerts" in facts:
        return {alert: AlertHistory.load(said) for alert, said in facts["alerts"].items()}
    if "ends" in facts:
        return _histories_of_ends(facts["ends"])
    return {key: AlertHistory({incident.started_at}, set() if incident.finished_at is None else {incident.finished_at})}


def _histories_of_ends(ends: Mapping[str, int | None]) -> dict[str, AlertHistory]:
    """The format of earlier versions: the end of each alert of a group, by ``<source>:<alert>:<beginning>``."""
    histories: dict[str, AlertHistory] = {}
    for event_id, end in ends.items():
        name, _, began = event_id.rpartition(":")
        each = histories.setdefault(name.partition(":")[2], AlertHistory())
        each.add(AlertHistory({int(began)}, set() if end is None else {end}))
    return histories


def _last_notice(mine: Sequence[Incident], new: Sequence[Notice], *, now_ms: int, step_ms: int) -> dict[str, int]:
    before = last_notice_ms(mine[0]) if mine else None
    is_open = any(each.ended is None for each in new)
    if is_open and (before is None or abs(now_ms - before) >= step_ms):
        return {"told": now_ms}
    return {} if before is None else {"told": before}


def _surplus(known: Mapping[str, AlertHistory]) -> set[str]:
    """The alerts beyond the limit, as far as they ended: those that ended first."""
    surplus = len(known) - _MOST_ALERTS
    if surplus <= 0:
        return set()
    ends = {alert: history.periods()[-1].ended for alert, history in known.items()}
    return set(
        sorted((alert for alert in ends if ends[alert] is not None), key=lambda alert: ends[alert] or 0)[:surplus]
    )


def _own_start(incident: Incident) -> int:
    """When the incident was first thought to begin: its id says so."""
    began = incident.id.rpartition(":")[2]
    return int(began) if began.isdecimal() else incident.started_at


def _is_within(moment: int, began: int, ended: int | None) -> bool:
    return began <= moment and (ended is None or moment <= ended)
