"""An Argo CD source in the daemon's half that tests need, and the applications that it is told of."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from tests.builders import MINUTE_MS, NOW_MS
from tests.sources.argocd_notifications import notifications
from tests.sources.deliveries import delivery_head
from tests.sources.pushed_daemon import PushedDaemon, started

from dora_exporter.runtime.timestamps import iso
from dora_exporter.sources.argocd.settings import ArgoCdSettings
from dora_exporter.sources.argocd.source import ArgoCd
from dora_exporter.sources.settings import SourceSettings

NAME = "argocd"
KEY = "k"
UID = "0e0b2f0c-9a51-4a7e-9d0c-3b1f3a1f0a11"
START_MS = NOW_MS - 600 * MINUTE_MS


def workload(name: str, kind: str = "Deployment", **changes: object) -> dict[str, Any]:
    """A resource of a sync's result."""
    return {
        "group": "apps",
        "version": "v1",
        "kind": kind,
        "namespace": "shop",
        "name": name,
        "status": "Synced",
        "message": f"{kind.lower()}.apps/{name} configured",
        "hookPhase": "Running",
        "syncPhase": "Sync",
        **changes,
    }


def application(
    number: int = 1,
    *,
    phase: str = "Succeeded",
    health: str = "Healthy",
    images: Sequence[str] = ("registry.example/shop/checkout:v1",),
    annotations: Mapping[str, str] | None = None,
    revision: str | None = None,
    resources: Sequence[Mapping[str, Any]] | None = None,
    since: int = 0,
    **changes: object,
) -> dict[str, Any]:
    """An application after (or in) its ``number``-th sync, each an hour after the one before.

    It has its health since so many minutes after the sync's end; ``changes`` are of the operation's state.
    """
    begun_ms = START_MS + number * 60 * MINUTE_MS
    since_ms = begun_ms + (2 + since) * MINUTE_MS
    result = {
        "revision": revision or f"{number:x}".rjust(40, "c"),
        "source": {"repoURL": "https://git.example/acme/configuration.git", "path": "shop", "targetRevision": "main"},
        "resources": [workload("checkout")] if resources is None else list(resources),
    }
    state = {
        "phase": phase,
        "message": "successfully synced (all tasks run)",
        "startedAt": iso(begun_ms),
        "operation": {"initiatedBy": {"automated": True}, "sync": {"revision": result["revision"]}},
        "syncResult": result,
        **({} if phase == "Running" else {"finishedAt": iso(begun_ms + 2 * MINUTE_MS)}),
        **changes,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd", "uid": UID, "annotations": dict(annotations or {})},
        "spec": {
            "destination": {"namespace": "shop", "server": "https://kubernetes.default.svc"},
            "project": "default",
            "source": {"repoURL": "https://git.example/acme/configuration.git", "path": "shop"},
        },
        "status": {
            "health": {"status": health},
            "reconciledAt": iso(since_ms),
            "operationState": state,
            "summary": {"images": list(images)},
            "sync": {"status": "Synced", "revision": result["revision"]},
        },
    }


class ArgoCdDaemon(PushedDaemon):
    """The source as Argo CD notifies it."""

    NAME: ClassVar[str] = NAME
    SETTINGS: ClassVar[type[SourceSettings]] = ArgoCdSettings

    async def notify(self, app: Mapping[str, Any], *, by_name: bool = False) -> list[int]:
        """All that the ConfigMap's triggers send of a state; gives the statuses."""
        return [
            await self.post(each.body, each.headers, path=None if by_name else each.path)
            for each in notifications(app, key=KEY)
        ]

    async def take(self, body: bytes) -> None:
        """One delivery without a socket."""
        source = self.running.source
        assert isinstance(source, ArgoCd)
        await source.ingest(delivery_head(received_ms=self.clock()), body, self.sources.sink(self.running))

    async def take_state(self, app: Mapping[str, Any]) -> None:
        """All that the ConfigMap's triggers send of a state, without a socket."""
        for each in notifications(app, key=KEY):
            await self.take(each.body)


def a_daemon(**settings: object) -> AbstractAsyncContextManager[ArgoCdDaemon]:
    """A daemon that has just started."""
    return started(ArgoCdDaemon, **settings)
