"""A GitLab source in the daemon's half that tests need."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from tests.sources.deliveries import delivery_head
from tests.sources.pushed_daemon import SECRET, WINDOW_MS, PushedDaemon, started

from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.gitlab.source import GitLab
from dora_exporter.sources.settings import SourceSettings

__all__ = ["NAME", "SECRET", "WINDOW_MS", "GitLabDaemon", "a_daemon"]

NAME = "gl"


class GitLabDaemon(PushedDaemon):
    """The source as GitLab pushes to it."""

    NAME: ClassVar[str] = NAME
    SETTINGS: ClassVar[type[SourceSettings]] = GitLabSettings

    async def push(self, kind: str, body: Mapping[str, Any] | bytes) -> int:
        """One delivery with the secret token; gives the status."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.post(sent, {"X-Gitlab-Event": kind, "X-Gitlab-Token": SECRET})

    async def push_straight(self, body: Mapping[str, Any]) -> bool:
        """One delivery without a socket; whether it was understood."""
        source, sink = self.running.source, self.sources.sink(self.running)
        assert isinstance(source, GitLab)
        head = delivery_head({"X-Gitlab-Event": "Hook"}, received_ms=self.clock())
        await source.ingest(head, json.dumps(body).encode(), sink)
        return not sink.problems


def a_daemon(**settings: object) -> AbstractAsyncContextManager[GitLabDaemon]:
    """A daemon that has just started."""
    return started(GitLabDaemon, **settings)
