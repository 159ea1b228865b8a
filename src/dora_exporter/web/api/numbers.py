"""``GET /api/v1/numbers``: the numbers of series or teams as JSON, for any time range."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation_subject import Subject
from dora_exporter.series.numbers import numbers, select
from dora_exporter.web.api.numbers_query import PARAMETERS, NumbersQuery
from dora_exporter.web.api.schema.number_answer import EncodedAnswer, NumbersAnswer, encoded
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.security.cross_origin import Origins, no_origins, shared_get
from dora_exporter.web.server.errors import BadRequest, NotFound, NotNow

LARGEST_ANSWER = 5_000
NUMBERS = Operation(
    method="GET",
    path="/api/v1/numbers",
    summary="The numbers of services, teams or groups, now or over time",
    right=Right.READ,
    parameters=PARAMETERS,
    answer=NumbersAnswer,
    refusals=(400, 404, 503),
)
OPERATIONS = (NUMBERS,)


def routes(
    *, engine: Callable[[], Awaitable[Engine]], access: Access, url: str = "", origins: Origins = no_origins
) -> list[web.RouteDef]:
    """The routes of the numbers. One question is answered at a time: each may read many events.

    ``url`` is where the daemon is reached; pages of ``origins`` may read the answers.
    """
    lock = asyncio.Lock()

    async def handle(request: web.Request) -> web.Response:
        query = NumbersQuery(request.query)
        async with lock:
            return web.Response(body=await _answer(await engine(), query, url), content_type="application/json")

    return shared_get(NUMBERS.path, access.reads(handle), origins)


async def _answer(engine: Engine, query: NumbersQuery, url: str) -> bytes:
    selection, question = query.selection(), query.question(engine)
    found = await select(engine, selection)
    name = selection.service or selection.team or selection.group
    if not found and name:
        _refuse_unknown(engine, Subject(selection.kind, name, selection.environment))
    pages = max(1, -(-len(found) // query.limit))
    shown = found[(query.page - 1) * query.limit : query.page * query.limit]
    _check_size(len(shown), len(question.windows) * max(1, len(question.instants)))
    results = [await encoded(each, url) for each in await numbers(engine, shown, question)]
    known = "now" if question.in_hindsight else "then"
    return msgspec.json.encode(EncodedAnswer(known, len(found), query.page, pages, results))


def _refuse_unknown(engine: Engine, subject: Subject) -> None:
    if subject.is_broken(engine):
        raise NotNow("computing the numbers of this service and environment failed: see the log")
    raise NotFound(f"there are no events of this {subject.kind} and environment")


def _check_size(subjects: int, each: int) -> None:
    if subjects * each > LARGEST_ANSWER:
        raise BadRequest(
            f"{subjects:,} results with {each:,} windows each are more than the {LARGEST_ANSWER:,} that an answer may "
            "hold: ask for a smaller limit, a larger step or a single window"
        )
