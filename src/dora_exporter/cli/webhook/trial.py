"""A source in memory, which takes deliveries as the daemon does and keeps nothing."""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from dora_exporter.cli.exit_codes import CannotDo
from dora_exporter.dora.changes import Change, Outcome
from dora_exporter.dora.events import Deployment, Event, Incident
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources.contract import Delivery, Misconfigured, SourceContext, Unreadable, Webhook
from dora_exporter.sources.http.client import Transport
from dora_exporter.sources.http.pushed_settings import WebhookSecretSettings
from dora_exporter.sources.polling import EventSink, RunningSources
from dora_exporter.sources.settings import SourceSettings
from dora_exporter.sources.webhook.settings import WebhookSettings
from dora_exporter.web.api.schema import responses
from dora_exporter.web.webhooks.receipts import record


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The result for a body: ``events`` as JSON, ``words`` about them. It is good if it lacks nothing."""

    events: tuple[str, ...] = ()
    words: tuple[str, ...]
    is_good: bool = False


class _MemoryLog:
    """Applies records at once."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        return _ready(self._store.apply_all(records))


async def _ready(outcomes: list[Outcome]) -> list[Outcome]:
    return outcomes


class Trial:
    """One source. What deliveries say adds up, as it would in the daemon."""

    def __init__(self, name: str, settings: SourceSettings, *, default_environment: str, clock: Clock) -> None:
        """Raises ``CannotDo`` for a source that nothing is pushed to."""
        self._settings = settings
        store = EventStore()
        store.observers.add(self._observe)
        self._changes: dict[str, Event | None] = {}
        self._sources = RunningSources(store=store, log=_MemoryLog(store), clock=clock, schedule=Schedule())
        context = SourceContext(
            transport=Transport(clock=clock), clock=clock, default_environment=default_environment, longest_window_ms=0
        )
        self._running = self._sources.implied(name, settings, context)
        if not isinstance(self._running.source, Webhook):
            raise CannotDo(f"a source of kind {settings.kind} accepts no webhook requests")
        self._webhook: Webhook = self._running.source

    async def deliver(self, delivery: Delivery, body: bytes) -> Tried:
        """What becomes of a delivery; it needs no proof, but must not bring a wrong one."""
        if len(body) > self._webhook.body_limit:
            return Tried(words=(f"refused: the body is longer than {self._webhook.body_limit} bytes",))
        is_wrong, proof = await self._proof(delivery, body)
        if is_wrong:
            return Tried(words=(proof,))
        self._changes.clear()
        sink = self._sources.sink(self._running)
        try:
            receipt = await self._webhook.ingest(delivery, body, sink)
        except Unreadable as reason:
            return Tried(words=(f"refused with 400: {reason}",))
        record(receipt, self._running.health, sink, at_ms=delivery.received_ms)
        told = next(iter(self._running.health.deliveries))
        kind = told.kind or "no rule"
        words = [f"{kind}: {': '.join(filter(None, (told.outcome, told.reason)))}", *sink.problems[1:], *self._gone()]
        if receipt.refused:
            words.append("the sender is answered 400")
        is_good = receipt.ignored is None and not sink.problems and _has_events(sink)
        return Tried(events=tuple(self._shown()), words=tuple(filter(None, (proof, *words))), is_good=is_good)

    async def _proof(self, delivery: Delivery, body: bytes) -> tuple[bool, str]:
        """Whether the proof of the sender is wrong, and the message about it."""
        settings = self._settings
        if isinstance(settings, WebhookSecretSettings) and not settings.has_webhook_secrets:
            return False, ""
        is_presented = isinstance(settings, WebhookSettings) and settings.mapping.verify.is_presented(delivery)
        try:
            check = await self._webhook.authenticate(delivery)
        except Misconfigured as reason:
            return False, f"the signature cannot be checked: {reason}"
        if check is not None:
            return (False, "the signature is right") if check(body) else (True, "refused with 403: a wrong signature")
        return (True, "refused with 403: a wrong or old signature") if is_presented else (False, "")

    def _observe(self, changes: Sequence[Change]) -> None:
        for before, after in changes:
            found = after or before
            if found is not None:
                self._changes[found.id] = after

    def _shown(self) -> Iterator[str]:
        """The events that were written and count somewhere, as the API shows them."""
        for each in self._changes.values():
            if isinstance(each, Deployment):
                yield _json(responses.deployment(each))
            elif isinstance(each, Incident) and (each.services or each.team):
                yield _json(responses.failure(each))

    def _gone(self) -> Iterator[str]:
        for event_id, after in self._changes.items():
            if after is None:
                yield f"{event_id} is deleted"


def _has_events(sink: EventSink) -> bool:
    return any(sink.outcomes[each.value] for each in Outcome)


def _json(shown: object) -> str:
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()
