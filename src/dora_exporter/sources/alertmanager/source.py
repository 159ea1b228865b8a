"""Alertmanager: its alerts or alert groups as incidents. It pushes; a sweep closes alerts that went silent."""

import asyncio
import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from dora_exporter.dora.events import Incident
from dora_exporter.runtime.cooperative import Turn, in_turns
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.alertmanager.incidents import (
    Notice,
    Subject,
    alerts_of,
    closed_as_stale,
    group_of,
    last_notice_ms,
    with_last_notice,
)
from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.sources.clamping import clamped_end
from dora_exporter.sources.contract import Check, Delivery, Item, Memory, Receipt, Sink, SourceContext, Unreadable
from dora_exporter.sources.http.client import Traffic
from dora_exporter.sources.http.timestamps import moment
from dora_exporter.sources.settings import fingerprint_of
from dora_exporter.sources.webhook_signatures import api_key

_RESOLVED = "resolved"
_FINGERPRINT = re.compile("[!-~]{1,40}")
_LARGEST_BODY = 16 * 1024 * 1024
_LONGEST_SWEEP_MS = 60_000
_SHORTEST_SWEEP_MS = 1000
_LONGEST_ABSENCE_MS = 5 * 60_000
"""Alertmanager tries for about so long to deliver a notification: when we were away for longer, some may be lost."""


class _Alert(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    labels: dict[str, str]
    starts_at: str
    fingerprint: str = ""
    ends_at: str | None = None
    annotations: dict[str, str] = {}


class _Notification(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    group_key: str
    alerts: list[msgspec.Raw]
    truncated_alerts: int = 0


class _Nameless(msgspec.Struct, frozen=True):
    fingerprint: object = None


class Alertmanager:
    """The alerts of one Alertmanager, or of several that work together."""

    def __init__(self, name: str, settings: AlertmanagerSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its incidents."""
        self._name = name
        self._settings = settings
        self._environment = settings.environment or context.default_environment
        self._stale_ms = settings.stale_after.ms if settings.stale_after else None
        self._traffic = Traffic()
        self._taking = asyncio.Lock()

    @property
    def interval_ms(self) -> int | None:
        """None unless alerts that are not repeated end."""
        if self._stale_ms is None:
            return None
        return max(_SHORTEST_SWEEP_MS, min(_LONGEST_SWEEP_MS, self._stale_ms // 10))

    @property
    def fingerprint(self) -> str:
        """It only identifies the settings: no past can be read again."""
        return fingerprint_of(self._settings, tuning=("stale_after",))

    @property
    def traffic(self) -> Traffic:
        """No requests."""
        return self._traffic

    @property
    def unmapped_services(self) -> int | None:
        """An alert names its service itself."""
        return None

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Closes the incidents that no notification repeated for ``stale_after``, not counting the daemon's downtime.

        The time of the last pass shows downtime, and a clock that was set.
        """
        if self._stale_ms is None:
            return memory
        since = memory.get("since", now_ms)
        if not 0 <= now_ms - memory.get("watched", now_ms) <= _LONGEST_ABSENCE_MS or since > now_ms:
            since = now_ms
        async with self._taking:
            changed: list[Item] = []
            for incident in sink.open_incidents():
                told = last_notice_ms(incident)
                if told is None or told > now_ms:
                    changed.append(with_last_notice(incident, now_ms))
                elif now_ms - max(told, since) >= self._stale_ms:
                    changed.append(closed_as_stale(incident, _key_in(incident), told + self._stale_ms))
            await sink.write(changed)
            await sink.flush()
        return {"watched": now_ms, "since": since}

    @property
    def body_limit(self) -> int:
        """A group may have thousands of alerts."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """One of the daemon's keys, or a user's password: Alertmanager signs nothing."""
        return api_key(delivery)

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes the alerts of a notification."""
        try:
            notification = msgspec.json.decode(body.removeprefix(BOM_UTF8), type=_Notification)
        except FLAWS as reason:
            raise Unreadable(f"the notification is malformed: {reason}") from None
        if notification.truncated_alerts:
            sink.overflow(notification.truncated_alerts)
        async with self._taking:
            await self._write(notification, sink, delivery.received_ms)
        return Receipt(notification.status)

    async def _write(self, notification: _Notification, sink: Sink, now_ms: int) -> None:
        own_group = blake2b(notification.group_key.encode(), digest_size=8).hexdigest()
        is_over = notification.status == _RESOLVED
        step_ms = None if self._stale_ms is None else self._stale_ms // 10
        turn = Turn()
        items: list[Item] = []
        for (key, group), notices in (await self._sorted(notification, own_group, sink, now_ms)).items():
            subject = Subject(self._name, key, sink.incidents_about(f"{self._name}:{key}"), group=group)
            items += subject.apply(
                notices, is_over=is_over and group == own_group, now_ms=now_ms, notice_step_ms=step_ms
            )
            if turn.is_over:
                await sink.write(items)
                items = []
                await turn.give()
        await sink.write(items)
        await sink.flush()

    async def _sorted(
        self, notification: _Notification, own_group: str, sink: Sink, now_ms: int
    ) -> dict[tuple[str, str | None], list[Notice]]:
        """The notices of each subject, by its key and, where it is one, its group."""
        open_alerts = _OpenAlerts(sink, self._name, own_group if self._settings.group else None)
        notices: dict[tuple[str, str | None], list[Notice]] = {}
        async for notice in in_turns(self._notices(notification, open_alerts, sink, now_ms)):
            group = open_alerts.group_of(notice.alert)
            notices.setdefault((group or notice.alert, group), []).append(notice)
        return notices

    def _notices(
        self, notification: _Notification, open_alerts: "_OpenAlerts", sink: Sink, now_ms: int
    ) -> Iterable[Notice]:
        """The notices of the alerts that pass the matchers. The end of an open alert counts whatever its labels are."""
        for raw in notification.alerts:
            try:
                alert = msgspec.json.decode(raw, type=_Alert)
            except FLAWS as reason:
                sink.quarantine(_fingerprint_in(raw), str(reason))
                continue
            key = _key_of(alert)
            began = moment(alert.starts_at, now_ms=now_ms)
            ended = (moment(alert.ends_at, now_ms=now_ms) or now_ms) if alert.status == _RESOLVED else None
            names = self._settings.labels
            ends_something = ended is not None and key in open_alerts
            if began is None and ends_something:
                began = ended
            if began is None:
                sink.quarantine(alert.fingerprint, "startsAt is not a valid time")
            elif not (ends_something or self._is_wanted(alert)):
                sink.skip()
            elif not (ends_something or alert.labels.get(names.service) or alert.labels.get(names.team)):
                sink.quarantine(alert.fingerprint, f"it has neither the label {names.service} nor {names.team}")
            else:
                ended = clamped_end(f"{self._name}:{key}:{began}", began, ended, sink)
                yield Notice(key, began, ended, self._incident(alert))

    def _is_wanted(self, alert: _Alert) -> bool:
        return all(matcher.matches(alert.labels) for matcher in self._settings.matchers)

    def _incident(self, alert: _Alert) -> Incident:
        """The incident that an alert's labels describe, without id and times."""
        names = self._settings.labels
        service = alert.labels.get(names.service)
        return Incident(
            "",
            (service,) if service else (),
            alert.labels.get(names.environment) or self._environment,
            0,
            name=alert.annotations.get("summary") or alert.labels.get("alertname"),
            severity=alert.labels.get(names.severity) or None,
            team=alert.labels.get(names.team) or None,
            source=self._name,
        )


class _OpenAlerts:
    """The alerts that are told as open: alone, or in a group; also from before the settings said ``group`` or did not.

    With ``own`` notices count in the notification's group, but for alerts that are open alone.
    """

    def __init__(self, sink: Sink, source: str, own: str | None) -> None:
        self._sink = sink
        self._source = source
        self._own = own
        self._grouped: dict[str, str] = {}
        about = sink.open_incidents() if own is None else sink.incidents_about(f"{source}:{own}")
        for incident in about:
            group = group_of(incident)
            if group is not None and incident.finished_at is None:
                self._grouped.update(dict.fromkeys(alerts_of(incident), group))

    def __contains__(self, alert: str) -> bool:
        return alert in self._grouped or self._is_alone(alert)

    def group_of(self, alert: str) -> str | None:
        """The group in which a notice of the alert counts; None where it counts alone."""
        group = self._own or self._grouped.get(alert)
        return None if group is None or self._is_alone(alert) else group

    def _is_alone(self, alert: str) -> bool:
        return any(each.finished_at is None for each in self._sink.incidents_about(f"{self._source}:{alert}"))


def _key_of(alert: _Alert) -> str:
    """The alert's key in ids: its fingerprint, or a digest of its labels if it has none that can be used."""
    if _FINGERPRINT.fullmatch(alert.fingerprint):
        return alert.fingerprint
    said = alert.fingerprint or msgspec.json.encode(alert.labels, order="deterministic").decode()
    return blake2b(said.encode(), digest_size=8).hexdigest()


def _key_in(incident: Incident) -> str:
    """What the incident is about, by its id ``<source>:<key>:<beginning>``."""
    return incident.id.partition(":")[2].rpartition(":")[0]


def _fingerprint_in(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw, type=_Nameless).fingerprint
    except FLAWS:
        return None
