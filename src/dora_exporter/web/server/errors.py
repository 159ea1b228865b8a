"""Error responses: the exceptions that handlers raise, and their JSON bodies."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import msgspec
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from aiohttp.web_request import BaseRequest

from dora_exporter.dora.event_log import Unavailable

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"
BROKEN_FRAMING = "the request body cannot be read: its framing is broken"
UNDECODABLE = "the path, the query or a header is not UTF-8"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong; ``line`` counts from 1, in a request of many lines."""

    status: str | None = None
    title: str | None = None
    detail: str | None = None
    line: int | None = None


class Problems(msgspec.Struct, frozen=True):
    """The body of an error."""

    errors: list[Problem]


class Words(msgspec.Struct, frozen=True):
    """The body of an error without details."""

    errors: list[str]


class Refusal(Exception):
    """A request that is refused, with the reason."""

    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str) -> None:
        """``detail`` is sent to the client: it names what is wrong and repeats no secret."""
        super().__init__(detail)
        self.detail = detail
        self.headers: Mapping[str, str] = {}

    def problem(self) -> Problem:
        """The refusal as an item of the error body."""
        return Problem(detail=self.detail, status=str(self.status), title=self.title)

    def body(self) -> Problems | Words:
        """The body of the answer."""
        return Problems([self.problem()])


class BadRequest(Refusal):
    """The request is malformed or invalid."""

    status = 400
    title = "Bad Request"


class TooLong(BadRequest):
    """The body is longer than the path takes: 400, because clients take a 413 for a success."""


class BadAttribute(BadRequest):
    """An attribute has a value that it must not have."""

    def __init__(self, name: str, problem: str) -> None:
        """``name`` is the way to the attribute; ``problem`` goes on after it."""
        super().__init__(f'attribute "{name}" {problem}')


class Forbidden(Refusal):
    """No key, or one without the right."""

    status = 403
    title = "Forbidden"

    def body(self) -> Problems | Words:
        """Says no more than the title: clients do not learn what is wrong with a key."""
        return Words([self.title])


class NotFound(Refusal):
    """There is no event with the requested id."""

    status = 404
    title = "Not Found"


class NotAllowed(Refusal):
    """The path does not know the method."""

    status = 405
    title = "Method Not Allowed"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        """``allowed`` are the methods that the path knows."""
        known = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not possible on this path: it knows {known}")
        self.headers = {hdrs.ALLOW: known}


class TooLarge(Refusal):
    """The body is longer than the path takes."""

    status = 413
    title = "Content Too Large"


class Failed(Refusal):
    """The daemon has a defect."""

    status = 500
    title = "Internal Server Error"


class NotNow(Refusal):
    """The write cannot be made durable at present."""

    status = 503
    title = "Service Unavailable"


FIRST_REFUSAL = web.RequestKey("first refusal", str)
"""The reason of the first refused event of a bulk request."""

REFUSALS = web.RequestKey("refusals", Counter[type[Exception]])
"""The number of refused events of a bulk request, by the classes of the refusals."""

OnRefusal = Callable[[web.Request, Mapping[type[Exception], int], str], None]
"""Receives a request, the number of its refusals by class, and the reason of the first."""


def as_json(body: object, *, status: int = 200) -> web.Response:
    """An answer with a JSON body."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def refuse_in_json(on_refusal: OnRefusal | None = None) -> Middleware:
    """A middleware that turns every exception of a handler into a status and a JSON body."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except Exception as error:  # noqa: BLE001  # a defect is logged, and answered as one
            if on_refusal:
                on_refusal(request, {type(error): 1}, str(error))
            said = _said(request, error)
            logger.debug(
                "request refused method=%s path=%r status=%d reason=%r from=%s",
                *(request.method, request.path, said.status, said.detail, request.remote),
            )
            return _answer(said)
        if on_refusal and REFUSALS in request:
            refusals = request[REFUSALS]
            on_refusal(request, refusals, request[FIRST_REFUSAL])
        return answer

    return refuse


def _said(request: web.Request, error: Exception) -> Refusal:
    """What a client is told of an exception; raises it again when it is another module's own response."""
    match error:
        case Refusal():
            said = error
        case Unavailable():
            said = NotNow(str(error) or "the event log does not accept writes now")
        case web.HTTPException():
            said = _refusal_of(request, error)
        case web.RequestPayloadError() | HttpProcessingError():
            logger.info("request body is broken path=%r reason=%s", request.path, type(error).__name__)
            said = BadRequest(BROKEN_FRAMING)
        case ConnectionError():
            said = BadRequest("the connection broke")  # no client is left to read it
        case _ if is_undecodable(request, error):
            said = BadRequest(UNDECODABLE)
        case _:
            logger.error("request failed method=%s path=%r", request.method, request.path, exc_info=error)
            said = Failed("internal error; the daemon's log has the details")
    return said


def is_undecodable(request: BaseRequest, error: BaseException | None) -> bool:
    """Whether something failed because the head of a request holds bytes that are not UTF-8."""
    if not isinstance(error, UnicodeError):
        return False
    try:
        "".join((request.path_qs, request.path, *request.query.values(), *request.headers.values())).encode()
    except UnicodeError:
        return True
    return False


def _answer(refusal: Refusal) -> web.Response:
    answer = as_json(refusal.body(), status=refusal.status)
    answer.headers.update(refusal.headers)
    return answer


def _refusal_of(request: web.Request, refusal: web.HTTPException) -> Refusal:
    """The router's error as a refusal; raises it again when it is another module's own response.

    Under ``/api/``, also behind a prefix that a client puts before it, its status is 400: ``datadog-ci`` repeats a
    request that is answered 404, 405 or 413 for a minute, and then reports success.
    """
    if isinstance(refusal, web.HTTPNotFound):
        said: Refusal = NotFound("there is no such path")
    elif isinstance(refusal, web.HTTPMethodNotAllowed):
        said = NotAllowed(request.method, refusal.allowed_methods)
    elif isinstance(refusal, HTTPRequestEntityTooLarge):
        said = TooLarge("the request body is too long")
    else:
        raise refusal
    return BadRequest(said.detail) if API_PREFIX in request.path else said
