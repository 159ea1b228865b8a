"""Creating, listing, showing and deleting the events of one type."""

from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct
from msgspec.json import Decoder

from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Event
from dora_exporter.dora.records import Deletion, EventKind
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.web.api.schema.decode import Parser, UnknownAttributes
from dora_exporter.web.api.schema.events import EventFactory
from dora_exporter.web.api.schema.requests import DeploymentRequest, FailureRequest, ListRequest
from dora_exporter.web.api.schema.responses import Reference, ReferenceAnswer
from dora_exporter.web.api.search.selection import select, selection
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server import request_body
from dora_exporter.web.server.errors import NotFound, as_json
from dora_exporter.web.server.limits import CurrentRules

_E = TypeVar("_E", bound=Event)
Superseded = Callable[[], Awaitable[Callable[[_E], bool]]]
"""Returns the predicate that says whether an event is superseded by another report."""


@dataclass(frozen=True, kw_only=True)
class EventType(Generic[_E]):
    """What tells the endpoints of one type of event from those of another.

    ``make`` is the event of a request's attributes, ``note_unknown`` counts those of a body that are not known.
    ``shown`` and ``listed`` are an event as it is answered alone and among others.
    """

    kind: EventKind
    name: str
    reference: str
    list_request: str
    request: type[DeploymentRequest | FailureRequest]
    creates: Sequence[Operation]
    lists: Operation
    shows: Operation
    deletes: Operation
    held: Callable[[EventStore], Mapping[str, _E]]
    make: Callable[[EventFactory, Any], _E]
    note_unknown: Callable[[UnknownAttributes, bytes], None]
    shown: Callable[[_E], Struct]
    listed: Callable[[_E], Struct]


class _Shown(Struct, frozen=True):
    data: Struct | list[Struct]


async def none_superseded() -> Callable[[Event], bool]:
    """No report is superseded."""
    return lambda _: False


def routes(
    of: EventType[_E],
    *,
    store: EventStore,
    log: EventLog,
    clock: Clock,
    rules: CurrentRules,
    access: Access,
    unknown: UnknownAttributes,
    superseded: Superseded[_E] = none_superseded,
) -> list[web.RouteDef]:
    """The routes of the events of a type. Lists leave out those that are superseded."""
    factory = EventFactory(store=store, clock=clock, rules=rules)
    create = _create(of, factory=factory, log=log, rules=rules, unknown=unknown)
    return [
        *(web.post(each.path, access.writes(create)) for each in of.creates),
        web.post(of.lists.path, access.reads(_list(of, store=store, rules=rules, superseded=superseded))),
        web.get(of.shows.path, access.reads(_show(of, store=store))),
        web.delete(of.deletes.path, access.writes(_delete(of, store=store, log=log, clock=clock))),
    ]


def _create(
    of: EventType[_E], *, factory: EventFactory, log: EventLog, rules: CurrentRules, unknown: UnknownAttributes
) -> Handler:
    requests = Parser(Decoder(of.request))

    async def create(request: web.Request) -> web.Response:
        body = (await request_body.read_within(request, rules.now)).removeprefix(BOM_UTF8)
        event = of.make(factory, requests.parse(body).data.attributes)
        of.note_unknown(unknown, body)
        await log.append([event])
        return as_json(ReferenceAnswer(Reference(event.id, of.reference)))

    return create


def _list(of: EventType[_E], *, store: EventStore, rules: CurrentRules, superseded: Superseded[_E]) -> Handler:
    requests = Parser(Decoder(ListRequest))

    async def list_(request: web.Request) -> web.Response:
        asked = requests.parse(await request_body.read_within(request, rules.now))
        wanted = selection(asked, of.list_request, rules.now.catalogue)
        found = await select(of.held(store).values(), wanted, await superseded())
        return as_json(_Shown([of.listed(event) async for event in in_turns(found)]))

    return list_


def _show(of: EventType[_E], *, store: EventStore) -> Handler:
    async def show(request: web.Request) -> web.Response:
        return as_json(_Shown(of.shown(_named(of, store, request))))

    return show


def _delete(of: EventType[_E], *, store: EventStore, log: EventLog, clock: Clock) -> Handler:
    async def delete(request: web.Request) -> web.Response:
        event = _named(of, store, request)
        await log.append([Deletion(of.kind, event.id, clock(), event.source)])
        return web.Response(status=of.deletes.status, content_type="application/json")

    return delete


def _named(of: EventType[_E], store: EventStore, request: web.Request) -> _E:
    """The event whose id is in the path."""
    event = of.held(store).get(request.match_info["id"])
    if event is None:
        raise NotFound(f"no {of.name} has this id")
    return event
