"""Alertmanager: its alerts, or its groups of them, as incidents. It is only pushed to."""

import asyncio
from codecs import BOM_UTF8
from collections.abc import Iterable

import msgspec

from dora_exporter.events import Incident
from dora_exporter.records import FLAWS
from dora_exporter.sources.alertmanager_groups import Groups
from dora_exporter.sources.alertmanager_settings import AlertmanagerSettings
from dora_exporter.sources.moments import moment
from dora_exporter.sources.source import Memory, Sink, Surroundings, Unreadable, fingerprint_of
from dora_exporter.sources.transport import Traffic

_RESOLVED = "resolved"


class _Alert(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    labels: dict[str, str]
    fingerprint: str
    starts_at: str
    ends_at: str | None = None
    annotations: dict[str, str] = {}


class _Notification(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    group_key: str
    alerts: list[msgspec.Raw]
    truncated_alerts: int = 0


class _Nameless(msgspec.Struct, frozen=True):
    fingerprint: object = None


class _Firing(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with its times in milliseconds: it began, and it ended, no sooner, or has not yet."""

    alert: _Alert
    event_id: str
    began: int
    ended: int | None


class Alertmanager:
    """The alerts of one Alertmanager, or of several that work together."""

    def __init__(self, name: str, settings: AlertmanagerSettings, surroundings: Surroundings) -> None:
        """``name`` begins the ids of its incidents."""
        self._name = name
        self._settings = settings
        self._environment = settings.environment or surroundings.default_environment
        self._traffic = Traffic()
        self._taking = asyncio.Lock()
        self._groups = Groups(name)

    @property
    def interval_ms(self) -> int | None:
        """It is never polled."""
        return None

    @property
    def fingerprint(self) -> str:
        """There is no past that could be read anew."""
        return fingerprint_of(self._settings, tuning=())

    @property
    def traffic(self) -> Traffic:
        """No requests."""
        return self._traffic

    @property
    def unmapped_services(self) -> int | None:
        """An alert names its service itself."""
        return None

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Nothing to ask."""
        return memory

    async def take(self, body: bytes, sink: Sink, *, now_ms: int) -> None:
        """Takes over a notification; raises ``Unreadable`` for one that is none, and ``Unavailable``."""
        try:
            notification = msgspec.json.decode(body.removeprefix(BOM_UTF8), type=_Notification)
        except FLAWS as reason:
            raise Unreadable(f"the notification is broken: {reason}") from None
        if notification.truncated_alerts:
            sink.overflow(notification.truncated_alerts)
        async with self._taking:
            firings = list(self._firings(notification, sink, now_ms))
            alerts = [self._incident(each) for each in firings]
            if self._settings.group and alerts:
                alerts = await self._groups.take(
                    alerts, sink, key=notification.group_key, is_over=notification.status == _RESOLVED
                )
            await sink.write(alerts)
            await sink.flush()

    def _firings(self, notification: _Notification, sink: Sink, now_ms: int) -> Iterable[_Firing]:
        """The alerts that the matchers let through."""
        for raw in notification.alerts:
            try:
                alert = msgspec.json.decode(raw, type=_Alert)
            except FLAWS as reason:
                sink.quarantine(_fingerprint_in(raw), str(reason))
                continue
            began = moment(alert.starts_at, now_ms=now_ms)
            ended = (moment(alert.ends_at, now_ms=now_ms) or now_ms) if alert.status == _RESOLVED else None
            names = self._settings.labels
            if began is None:
                sink.quarantine(alert.fingerprint, "startsAt is no moment")
            elif not all(matcher.matches(alert.labels) for matcher in self._settings.matchers):
                sink.skip()
            elif not (alert.labels.get(names.service) or alert.labels.get(names.team)):
                sink.quarantine(alert.fingerprint, f"it has neither a label {names.service} nor {names.team}")
            else:
                event_id = f"{self._name}:{alert.fingerprint}:{began}"
                if ended is not None and ended < began:
                    sink.clamp(event_id)
                    ended = began
                yield _Firing(alert=alert, event_id=event_id, began=began, ended=ended)

    def _incident(self, firing: _Firing) -> Incident:
        """An alert as an incident. It is keyed by its beginning too: when it fires anew, that is another one."""
        alert, names = firing.alert, self._settings.labels
        service = alert.labels.get(names.service)
        return Incident(
            firing.event_id,
            (service,) if service else (),
            alert.labels.get(names.environment) or self._environment,
            firing.began,
            firing.ended,
            name=alert.annotations.get("summary") or alert.labels.get("alertname"),
            severity=alert.labels.get(names.severity) or None,
            team=alert.labels.get(names.team) or None,
            source=self._name,
            # its end outranks its beginning, whichever is told last
            revision=firing.began if firing.ended is None else firing.ended + 1,
        )


def _fingerprint_in(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw, type=_Nameless).fingerprint
    except FLAWS:
        return None
