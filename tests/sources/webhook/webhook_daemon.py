"""A source of any JSON in the daemon's half that tests need."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from tests.sources.pushed_daemon import PushedDaemon, started

from dora_exporter.dora.events import Incident
from dora_exporter.sources.settings import SourceSettings
from dora_exporter.sources.webhook.settings import WebhookSettings

NAME = "tool"
INCIDENTS: dict[str, Any] = {
    "id": "id",
    "started_at": "began",
    "finished_at": "ended",
    "changed_at": "changed",
    "services": "services",
    "severity": "severity",
    "delete": "deleted",
}
DEPLOYMENTS: dict[str, Any] = {
    "id": "id",
    "service": "service",
    "started_at": "began",
    "finished_at": "ended",
    "changed_at": "changed",
    "version": "version",
    "outcome": {
        "path": "state",
        "values": {"ok": "succeeded", "bad": "failed", "stopped": "canceled", "going": "running"},
    },
}


class WebhookDaemon(PushedDaemon):
    """The source; bodies are proved with the daemon's key, unless a test says how."""

    NAME: ClassVar[str] = NAME
    SETTINGS: ClassVar[type[SourceSettings]] = WebhookSettings

    async def push(self, body: object, headers: Mapping[str, str] | None = None, query: str = "") -> int:
        """One delivery; gives the status."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.post(sent, {"DD-API-KEY": "k"} if headers is None else headers, query)

    @property
    def counting(self) -> list[Incident]:
        """The incidents that count somewhere."""
        return [each for each in self.incidents if each.services or each.team]


def a_daemon(**settings: object) -> AbstractAsyncContextManager[WebhookDaemon]:
    """A daemon that has just started, with a rule for incidents unless a test has others."""
    if not {"incidents", "deployments", "preset"} & set(settings):
        settings["incidents"] = INCIDENTS
    return started(WebhookDaemon, **{"webhook_secrets": (), **settings})
