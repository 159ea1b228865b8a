"""Selects the events of a list request, in turns with other work on the event loop."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import Event
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.requests import ListAttributes, ListRequest
from dora_exporter.web.api.search import query
from dora_exporter.web.server.errors import BadAttribute, BadRequest

_E = TypeVar("_E", bound=Event)

_DEFAULT_LIMIT = 10
_MAX_LIMIT = 1000
_STRIDE = 256
_SHOWN_CHARACTERS = 100
_KEPT_WHILE_LOOKING = 4000
_NEVER = 1 << 62
"""Sorts what is not finished after all that is."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The filter, order and limit of a list request."""

    from_ms: int
    to_ms: int
    matches: query.Predicate
    by_finish: bool
    newest_first: bool
    limit: int

    async def includes(self, event: Event, turn: Turn) -> bool:
        """Whether the event is selected."""
        return self.from_ms <= event.started_at <= self.to_ms and await self.matches(event, turn)

    def place(self, event: Event) -> tuple[int, str]:
        """The sort key of an event."""
        moment = event.finished_at if self.by_finish else event.started_at
        moment = _NEVER if moment is None else moment
        return (-moment if self.newest_first else moment), event.id


def selection(request: ListRequest, expected_type: str, catalogue: Catalogue = NO_CATALOGUE) -> Selection:
    """Reads a list request, which may ask by the names of the ``catalogue``; raises ``BadRequest``."""
    check_type(request.data.type, expected_type)
    asked = request.data.attributes or ListAttributes()
    limit = _DEFAULT_LIMIT if asked.limit is None else asked.limit
    if not 1 <= limit <= _MAX_LIMIT:
        raise BadAttribute("limit", f"must be between 1 and {_MAX_LIMIT}")
    sort = "-started_at" if asked.sort is None else asked.sort
    if sort.removeprefix("-") not in ("started_at", "finished_at"):
        raise BadAttribute("sort", 'must be one of "started_at -started_at finished_at -finished_at"')
    from_ms = fields.moment(asked.from_, "from", round_up=True)
    to_ms = fields.moment(asked.to, "to")
    return Selection(
        from_ms=-_NEVER if from_ms is None else from_ms,
        to_ms=_NEVER if to_ms is None else to_ms,
        matches=query.parse(asked.query, catalogue),
        by_finish=sort.endswith("finished_at"),
        newest_first=sort.startswith("-"),
        limit=limit,
    )


def check_type(given: str | None, expected: str) -> None:
    """Raises ``BadRequest`` for the wrong ``type``, in the words of the service whose API this is."""
    if given != expected:
        raise BadRequest(f'got type "{(given or "")[:_SHOWN_CHARACTERS]}" expected one of "{expected}"')


async def select(events: Iterable[_E], wanted: Selection, is_left_out: Callable[[_E], bool]) -> list[_E]:
    """The first events that match and are not left out, in order."""
    found: list[_E] = []
    turn = Turn()
    held = [*events]
    if len(held) > _STRIDE:
        await turn.give()  # many may ask at the same time
    for event in held:
        if await wanted.includes(event, turn) and not is_left_out(event):
            found.append(event)
        if len(found) > _KEPT_WHILE_LOOKING:
            found = heapq.nsmallest(wanted.limit, found, key=wanted.place)
        if turn.is_over:
            await turn.give()
    return heapq.nsmallest(wanted.limit, found, key=wanted.place)
