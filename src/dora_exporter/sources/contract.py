"""The contract of a source: an upstream product whose deployments and incidents are collected.

A ``Source`` is polled, a ``Webhook`` is pushed to, and many products are both.

A member of this folder is one settings model, and one class that turns what the product says into events. It never
sees the log, the schedule or a metric: ``polling`` hands it a sink, and stores its state.

* The id of an item is ``<source name>:<upstream id>``, its ``source`` is the source's name, its ``revision`` a time in
  milliseconds that never falls while the item changes. What the product says beyond the fields of an event is kept in
  ``upstream``, so that filters and maps can be judged again without asking anew.
* A pass writes what it reads page by page. What it returns is remembered only after its last page, so a pass that
  fails is read again: writing an item twice must change nothing.
"""

import enum
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from multidict import CIMultiDictProxy, MultiMapping

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.records import Cursor, Deletion, Judgement
from dora_exporter.runtime.clock import Clock
from dora_exporter.sources.http.client import Traffic, Transport

Item = Deployment | Incident | Judgement | Deletion | Cursor
"""What a source may write."""

Memory = dict[str, Any]
"""What a source remembers between two passes, in types that JSON has.

It is empty at the first pass and after a change of the settings that ``fingerprint`` covers: then the past is read
anew. The key ``cursor``, where there is one, is shown as the moment up to which the upstream has been read.
"""


TARGET = "target"
"""The key of ``upstream`` under which a deployment names what it went to, for ``Sink.deployments_to``."""


class Sink(Protocol):
    """Writes the items of a source, and looks up what is stored of them."""

    async def write(self, items: Sequence[Item]) -> None:
        """Appends the items that change something, in this order.

        At most two writes are under way, so memory stays bounded by a page.

        The place in the log is taken before the first suspension: nothing comes between what was looked up in the sink
        and the write that follows from it. Raises ``Unavailable`` for this write or the one before.
        """
        ...

    async def flush(self) -> None:
        """Waits until everything written is durable and can be looked up; raises ``Unavailable``."""
        ...

    def skip(self, count: int = 1) -> None:
        """Counts rows that the settings leave out."""
        ...

    def quarantine(self, upstream_id: object, reason: str) -> None:
        """Counts and logs a row that cannot be understood."""
        ...

    def clamp(self, event_id: str) -> None:
        """Counts and logs an item that ended before it began, unless it is held so; call it before its write."""
        ...

    def overflow(self, count: int = 1) -> None:
        """Counts a time range with more rows than the upstream API returns."""
        ...

    def deployment(self, event_id: str) -> Deployment | None:
        """Looks a deployment up, also one that is written and not yet durable."""
        ...

    def incident(self, event_id: str) -> Incident | None:
        """Looks an incident up, also one that is written and not yet durable."""
        ...

    async def deployments(self) -> Sequence[Deployment]:
        """The stored deployments of this source. It looks through those of all sources, so call it rarely."""
        ...

    def deployments_to(self, target: str) -> Iterator[Deployment]:
        """The deployments of this source whose ``upstream`` names this target, also those not yet durable.

        Those that began last come first.
        """
        ...

    def incidents(self) -> AsyncIterator[Incident]:
        """The stored incidents of this source. It yields to the event loop, so the store may change while it runs."""
        ...

    def open_incidents(self) -> Iterable[Incident]:
        """The incidents of this source that are open, without those that its filters leave out."""
        ...

    def incidents_about(self, subject: str) -> Sequence[Incident]:
        """The incidents of this source whose ids are the subject, a colon and more; also those not yet durable."""
        ...

    def noted(self) -> Memory:
        """The note that was written last. Notes survive changed settings, and webhooks may write them too."""
        ...

    def note(self, memory: Memory) -> Item:
        """The item that stores ``memory`` as the note."""
        ...


class Source(Protocol):
    """A configured source. One that is only pushed to has no interval, and is never polled."""

    @property
    def interval_ms(self) -> int | None:
        """The time between the starts of two passes."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes with every setting that decides what the events of this source look like."""
        ...

    @property
    def traffic(self) -> Traffic:
        """Statistics of its requests."""
        ...

    @property
    def unmapped_services(self) -> int | None:
        """How many upstream services appear under their upstream name; None where there is no such map."""
        ...

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """One pass. It may raise what a request of ``http.client`` raises, ``Unreadable`` and ``Misconfigured``."""
        ...


@runtime_checkable
class Backfilling(Protocol):
    """A source that says how far it has read the past."""

    @property
    def progress(self) -> str | None:
        """What the page of sources shows while the past is read; None at other times."""
        ...


@runtime_checkable
class Lending(Protocol):
    """A source whose credentials others may use, too: those who ask the same product for pull requests."""

    @property
    def repositories_host(self) -> str:
        """The host in the names of its repositories."""
        ...

    @property
    def api_url(self) -> str:
        """Where its REST API begins."""
        ...

    async def api_headers(self) -> Mapping[str, str]:
        """The headers of a request, with the credentials as they are now; raises what ``poll`` raises."""
        ...


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The head of a request that pushes to a source, without its body.

    ``has_key`` says whether it brings a valid API key, or where there are users a user's password. ``received_ms`` is
    when it came.
    """

    headers: CIMultiDictProxy[str]
    query: MultiMapping[str]
    has_key: bool
    received_ms: int


Check = Callable[[bytes], bool]
"""Whether a body, as it was sent, is the sender's. It may run in a thread."""


class Ignored(enum.Enum):
    """Why nothing was written of a delivery that is the sender's: the values of a label, so keep them few."""

    TEST = "test"  # a ping, or a delivery that only tries the webhook
    UNKNOWN_EVENT = "unknown_event"  # a kind of event that the source has no use for
    NO_EVENT = "no_event"  # a kind that it knows, in a state or about an object that is not an event here
    FILTERED = "filtered"  # the settings leave it out
    OUTDATED = "outdated"  # a newer state is held
    UNPAIRED = "unpaired"  # it ends what never began here, and does not say when that was or where
    UNREADABLE = "unreadable"  # it cannot be understood, and its sender must not be told so


@dataclass(frozen=True)
class Receipt:
    """What a source found in a delivery: the sender's word for its kind, and why nothing was written, if so.

    What was written, left out or put aside the sink knows. ``detail`` may say more than the reason, in words that
    repeat no secret and nothing of the body that a stranger must not read. With ``refused`` what was ignored is
    answered 400 and the detail, for senders that are to hear of it.
    """

    kind: str
    ignored: Ignored | None = None
    detail: str | None = None
    refused: bool = False


@runtime_checkable
class Webhook(Protocol):
    """A source that its upstream pushes to, at ``POST /webhooks/<source name>``."""

    @property
    def body_limit(self) -> int:
        """How many bytes a body has at most, as sent and unpacked."""
        ...

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """Tells by its head what proves a request: None refuses it, and its body is not even read.

        The returned check verifies the body as it was sent, before that is unpacked or parsed;
        ``webhook_signatures`` has one for every usual scheme. Secrets are read anew here, so that a file may change.
        Raises ``Misconfigured`` when they cannot be, which is answered 503.
        """
        ...

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what an authentic delivery says, and waits until it is durable (``sink.flush``).

        ``body`` is unpacked. Deliveries come late, twice and in any order: the event's id comes from the upstream's
        object and its ``revision`` from the time of the state, so that an older one never replaces a newer one. Raises
        ``Unreadable`` for what the upstream never sends, which is answered 400, and lets ``Unavailable`` through, which
        is answered 503. What an upstream takes badly an error for is ``Ignored`` instead.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SourceContext:
    """The dependencies of every source. ``longest_window_ms`` is how far back the first pass reads by default."""

    transport: Transport
    clock: Clock
    default_environment: str
    longest_window_ms: int


Build = Callable[[str, Any, SourceContext], Source]
"""A member of the table of sources: makes one of its name, its settings and the context."""


class Misconfigured(Exception):
    """The source fails until an operator changes a setting, a file or a permission."""


class Unreadable(Exception):
    """The upstream's answer as a whole cannot be understood."""
