"""Flux: deployments from the events of its notification controller."""

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import (
    Check,
    Delivery,
    Ignored,
    Memory,
    Receipt,
    Sink,
    SourceContext,
    Unreadable,
    fingerprint_of,
)
from dora_exporter.sources.flux.events import Head, NotUnderstood, read
from dora_exporter.sources.flux.mapping import RevisionMapping
from dora_exporter.sources.flux.settings import FluxSettings
from dora_exporter.sources.http.client import Traffic
from dora_exporter.sources.http.pushed_settings import webhook_secrets_of
from dora_exporter.sources.webhook_signatures import api_key, hmac_sha256, presented_hmacs

_LARGEST_BODY = 1024 * 1024
_HEADER = "X-Signature"
_PREFIX = "sha256="
_SAME_REVISION = "this revision is there already"


class Flux:
    """It is only pushed to: Flux tells once, and cannot be asked for what it told."""

    interval_ms: int | None = None
    unmapped_services: int | None = None

    def __init__(self, name: str, settings: FluxSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its deployments."""
        self._settings = settings
        self._mapping = RevisionMapping(name, settings, default_environment=context.default_environment)
        self.fingerprint = fingerprint_of(
            settings, context.default_environment, tuning=("webhook_secrets", "webhook_secrets_file")
        )
        self.traffic = Traffic()

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads nothing."""
        return memory

    @property
    def body_limit(self) -> int:
        """Far more than a message of a controller has."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """A signature with one of the secrets; where there are none, one of the daemon's keys."""
        if not delivery.has_key and not presented_hmacs(delivery, header=_HEADER, prefix=_PREFIX):
            return None
        secrets = await webhook_secrets_of(self._settings)
        if not secrets:
            return api_key(delivery)
        return hmac_sha256(delivery, secrets, header=_HEADER, prefix=_PREFIX)

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
