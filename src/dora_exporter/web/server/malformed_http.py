"""What is answered to bytes that are no HTTP request: as to any bad request, and not in the server's own words."""

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import BaseRequest

from dora_exporter.web.server.errors import BadRequest, as_json, is_undecodable


class BrokenFraming(web.RequestPayloadError, web.PayloadAccessError):
    """A body that breaks off, to those who read it; the server itself passes over it."""


CLIENTS_AFFAIRS = (HttpProcessingError, web.RequestPayloadError, web.PayloadAccessError, ConnectionError)


class Connection(web.RequestHandler):
    """A connection of which the server says nothing that it need not say."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Tells who reads a request's body when that breaks off in the middle: nothing more will come of it."""
        super().data_received(data)
        reading, last = self._current_request, self._messages[-1][0] if self._messages else None
        is_broken = isinstance(getattr(last, "exc", None), HttpProcessingError)
        if is_broken and reading is not None and not reading.content.is_eof():
            reading.content.set_exception(BrokenFraming())

    def log_exception(self, *args: object, **kw: object) -> None:
        """Says what is the server's own affair. A body that breaks off while it is thrown away is a client's."""
        if not isinstance(kw.get("exc_info"), CLIENTS_AFFAIRS):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what cannot be understood; anything else is the server's own affair."""
        if not isinstance(exc, HttpProcessingError) and not is_undecodable(request, exc):
            return super().handle_error(request, status, exc, message)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer is sent")
        answer = as_json(BadRequest("the request is not valid HTTP").body(), status=400)
        answer.headers[hdrs.SERVER] = "dora-exporter"  # versions are nobody's business
        answer.force_close()
        return answer
