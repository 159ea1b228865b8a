"""A GitHub source in the daemon's half that tests need."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, ClassVar

from tests.sources.deliveries import delivery_head
from tests.sources.pushed_daemon import SECRET, WINDOW_MS, PushedDaemon, started

from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.github.source import GitHub
from dora_exporter.sources.settings import SourceSettings

__all__ = ["NAME", "SECRET", "WINDOW_MS", "GitHubDaemon", "a_daemon", "recorded", "signed"]

NAME = "gh"
RECORDED = Path(__file__).with_name("github_recorded")


def recorded(name: str) -> dict[str, Any]:
    """A delivery that GitHub made."""
    body: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return body


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header that proves a body."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


class GitHubDaemon(PushedDaemon):
    """The source as GitHub pushes to it."""

    NAME: ClassVar[str] = NAME
    SETTINGS: ClassVar[type[SourceSettings]] = GitHubSettings

    async def push(self, kind: str, body: Mapping[str, Any] | bytes, **headers: str) -> int:
        """One signed delivery to the endpoint; gives the status."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        said = {"X-GitHub-Event": kind, "X-GitHub-Delivery": "d1", **signed(sent)}
        return await self.post(sent, {**said, **{name.replace("_", "-"): value for name, value in headers.items()}})

    async def push_straight(self, kind: str, body: Mapping[str, Any]) -> bool:
        """One delivery without a socket; whether it was understood."""
        source, sink = self.running.source, self.sources.sink(self.running)
        assert isinstance(source, GitHub)
        head = delivery_head({"X-GitHub-Event": kind}, received_ms=self.clock())
        await source.ingest(head, json.dumps(body).encode(), sink)
        return not sink.problems


def a_daemon(**settings: object) -> AbstractAsyncContextManager[GitHubDaemon]:
    """A daemon that has just started."""
    return started(GitHubDaemon, **settings)
