"""A Flux source in the daemon's half that tests need, and the events that it is told."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from tests.builders import MINUTE_MS, NOW_MS
from tests.sources.deliveries import delivery_head
from tests.sources.pushed_daemon import SECRET, PushedDaemon, started

from dora_exporter.runtime.timestamps import iso
from dora_exporter.sources.flux.settings import FluxSettings
from dora_exporter.sources.flux.source import Flux
from dora_exporter.sources.settings import SourceSettings

NAME = "flux"
UID = "7d0cdc51-ddcf-4743-b223-83ca5c699632"
START_MS = NOW_MS - 600 * MINUTE_MS
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
HELM = "helm.toolkit.fluxcd.io"


def revision(number: int) -> str:
    """A revision of a Git repository."""
    return f"main@sha1:{number:x}".ljust(50, "c")


def kustomization(
    number: int = 1, minute: int | None = None, *, reason: str = "ReconciliationSucceeded", **changes: object
) -> dict[str, Any]:
    """What kustomize-controller tells of a revision, at so many minutes from the start."""
    at_ms = START_MS + (number if minute is None else minute) * MINUTE_MS
    return {
        "involvedObject": {
            "apiVersion": f"{KUSTOMIZE}/v1",
            "kind": "Kustomization",
            "name": "webapp",
            "namespace": "apps",
            "uid": UID,
        },
        "metadata": {f"{KUSTOMIZE}/revision": revision(number)},
        "severity": "info" if reason.endswith("Succeeded") else "error",
        "reason": reason,
        "message": "Reconciliation finished in 436.493292ms, next run in 10m0s",
        "reportingController": "kustomize-controller",
        "reportingInstance": "kustomize-controller-7c7b47f5f-8bhrp",
        "timestamp": iso(at_ms),
        **changes,
    }


def helm_release(version: str, minute: int, *, reason: str = "UpgradeSucceeded", **metadata: str) -> dict[str, Any]:
    """What helm-controller tells of a chart's version."""
    event = kustomization(minute, reason=reason)
    event["involvedObject"] |= {"apiVersion": f"{HELM}/v2", "kind": "HelmRelease", "name": "podinfo"}
    event["metadata"] = {f"{HELM}/revision": version, f"{HELM}/app-version": version, **metadata}
    return event | {"reportingController": "helm-controller"}


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of notification-controller, with the signature of a provider of type ``generic-hmac``."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Gotk-Component": "kustomize-controller", "X-Signature": f"sha256={digest}"}


class FluxDaemon(PushedDaemon):
    """The source as Flux pushes to it."""

    NAME: ClassVar[str] = NAME
    SETTINGS: ClassVar[type[SourceSettings]] = FluxSettings

    async def push(self, event: Mapping[str, Any]) -> int:
        """One signed event; gives the status."""
        body = json.dumps(event).encode()
        return await self.post(body, signed(body))

    async def take(self, body: bytes) -> None:
        """One event without a socket."""
        source = self.running.source
        assert isinstance(source, Flux)
        await source.ingest(delivery_head(received_ms=self.clock()), body, self.sources.sink(self.running))


def a_daemon(**settings: object) -> AbstractAsyncContextManager[FluxDaemon]:
    """A daemon that has just started."""
    return started(FluxDaemon, **settings)
