"""Argo CD: deployments from its notifications, in the shape that Datadog's integration gives them."""

import asyncio

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.argocd.mapping import Nothing, SyncMapping
from dora_exporter.sources.argocd.notification import NotUnderstood, Sync, application_in, sync_in
from dora_exporter.sources.argocd.settings import ArgoCdSettings
from dora_exporter.sources.contract import Check, Delivery, Ignored, Receipt, Sink, SourceContext
from dora_exporter.sources.push_only import PushOnly
from dora_exporter.sources.settings import fingerprint_of
from dora_exporter.sources.webhook_signatures import api_key

_LARGEST_BODY = 4 * 1024 * 1024  # Kubernetes holds no object of more than 1.5 MiB
_LONG_APPLICATION = 64 * 1024
"""A longer one is read in a thread, because that takes milliseconds."""
_NO_OPERATION = Receipt("application", Ignored.NO_EVENT)


class ArgoCd(PushOnly):
    """Argo CD only pushes: it cannot be queried for past syncs."""

    def __init__(self, name: str, settings: ArgoCdSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its deployments."""
        super().__init__(fingerprint_of(settings, context.default_environment, tuning=()))
        self._mapping = SyncMapping(name, settings, default_environment=context.default_environment)

    @property
    def body_limit(self) -> int:
        """Several times what an application can be."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """One of the daemon's keys, as ``DD-API-KEY``."""
        return api_key(delivery)

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what a notification says. An application that is malformed is only counted."""
        app = application_in(body)
        try:
            sync = await _read(app, delivery.received_ms)
            if sync is None:
                return _NO_OPERATION
            found = self._mapping.items(sync, sink, now_ms=delivery.received_ms)
        except (*FLAWS, NotUnderstood) as reason:
            sink.quarantine("application", str(reason))
            return Receipt("application")
        kind = ", ".join(filter(None, (sync.phase, sync.health)))
        if isinstance(found, Nothing):
            return Receipt(kind, found.reason, found.detail)
        await sink.write(found)
        await sink.flush()
        return Receipt(kind)


async def _read(app: msgspec.Raw, now_ms: int) -> Sync | None:
    if len(memoryview(app)) < _LONG_APPLICATION:
        return sync_in(app, now_ms=now_ms)
    return await asyncio.to_thread(sync_in, app, now_ms=now_ms)
