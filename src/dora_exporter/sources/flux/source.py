"""Flux: deployments from the events of its notification controller."""

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Check, Delivery, Ignored, Receipt, Sink, SourceContext, Unreadable
from dora_exporter.sources.flux.events import Head, NotUnderstood, read
from dora_exporter.sources.flux.mapping import RevisionMapping
from dora_exporter.sources.flux.settings import FluxSettings
from dora_exporter.sources.http.pushed_settings import hmac_or_key
from dora_exporter.sources.push_only import PushOnly
from dora_exporter.sources.settings import fingerprint_of
from dora_exporter.sources.webhook_signatures import HmacHeader

_LARGEST_BODY = 1024 * 1024
_SIGNATURE: HmacHeader = {"header": "X-Signature", "prefix": "sha256="}
_SAME_REVISION = "this revision is there already"


class Flux(PushOnly):
    """Flux only pushes: it sends each event once, and cannot be queried for past ones."""

    def __init__(self, name: str, settings: FluxSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its deployments."""
        secrets = ("webhook_secrets", "webhook_secrets_file")
        super().__init__(fingerprint_of(settings, context.default_environment, tuning=secrets))
        self._settings = settings
        self._mapping = RevisionMapping(name, settings, default_environment=context.default_environment)

    @property
    def body_limit(self) -> int:
        """Far more than a message of a controller has."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """A signature with one of the secrets; where there are none, one of the daemon's keys."""
        return await hmac_or_key(delivery, self._settings, **_SIGNATURE)

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what an event says. One that is malformed is only counted."""
        kind = _kind_of(body)
        try:
            seen = read(body, now_ms=delivery.received_ms)
        except (*FLAWS, NotUnderstood) as reason:
            sink.quarantine(kind, str(reason))
            return Receipt(kind)
        if isinstance(seen, Ignored):
            return Receipt(kind, seen)
        event = self._mapping.deployment(seen, sink)
        if event is None:
            return Receipt(kind, Ignored.NO_EVENT, _SAME_REVISION)
        await sink.write([event])
        await sink.flush()
        return Receipt(kind)


def _kind_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Head).reason
    except FLAWS as reason:
        raise Unreadable(f"the body is not an event as Flux sends it: {reason}") from None
