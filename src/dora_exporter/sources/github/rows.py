"""The shapes of what GitHub's APIs answer."""

from typing import Any

import msgspec

from dora_exporter.sources.github.happened import NotUnderstood, Repository
from dora_exporter.sources.github.mapping import Reported
from dora_exporter.sources.github.node_ids import number_in
from dora_exporter.sources.github.times import Times
from dora_exporter.sources.http.timestamps import moment


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Where a list goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Page(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a list."""

    nodes: list[Any]
    page_info: PageInfo = PageInfo()

    @property
    def next(self) -> str | None:
        """Where the next part begins; None after the last one."""
        return self.page_info.end_cursor if self.page_info.has_next_page else None


class StatusRow(msgspec.Struct, frozen=True, rename="camel"):
    """A status of a deployment; states are in capitals."""

    state: str
    created_at: str


class _Statuses(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[StatusRow]
    page_info: PageInfo = PageInfo()

    @property
    def next(self) -> str | None:
        """Where the next part begins; None after the last one."""
        return self.page_info.end_cursor if self.page_info.has_next_page else None


class _Ref(msgspec.Struct, frozen=True):
    name: str


class RepositoryRow(msgspec.Struct, frozen=True, rename="camel"):
    """A repository, by GraphQL's id."""

    id: str
    name_with_owner: str
    url: str = ""


class _Owner(msgspec.Struct, frozen=True, rename="camel"):
    name_with_owner: str
    url: str


class DeploymentRow(msgspec.Struct, frozen=True, rename="camel"):
    """A deployment. ``ref`` is None when the branch or tag was deleted, ``database_id`` when it has over 32 bits."""

    id: str
    commit_oid: str
    created_at: str
    repository: _Owner
    statuses: _Statuses
    database_id: int | None = None
    environment: str | None = None
    task: str | None = None
    payload: Any = None
    ref: _Ref | None = None

    def number(self) -> int:
        """What webhooks and the REST API call it; raises ``NotUnderstood``."""
        number = self.database_id or number_in(self.id)
        if number is None:
            raise NotUnderstood("its id has no number")
        return number

    def created_ms(self, now_ms: int) -> int:
        """When it was created; raises ``NotUnderstood``."""
        ms = moment(self.created_at, now_ms=now_ms)
        if ms is None:
            raise NotUnderstood("it has no valid time")
        return ms

    def reported(self, statuses: list[StatusRow], *, now_ms: int) -> Reported:
        """The deployment with its statuses; raises ``NotUnderstood``."""
        times = Times()
        for each in statuses:
            at_ms = moment(each.created_at, now_ms=now_ms)
            if at_ms is not None:
                times |= Times.of(each.state.lower(), at_ms)
        return Reported(
            id=self.number(),
            repository=Repository(full_name=self.repository.name_with_owner, url=self.repository.url),
            sha=self.commit_oid,
            environment=self.environment or "",
            task=self.task or "",
            created_ms=self.created_ms(now_ms),
            times=times,
            payload=self.payload,
            ref=self.ref.name if self.ref else None,
        )


class ListedRow(msgspec.Struct, frozen=True):
    """A deployment in the REST API."""

    id: int
    ref: str | None = None
    transient_environment: bool | None = None
