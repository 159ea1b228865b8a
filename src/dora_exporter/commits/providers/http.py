"""The HTTP API of a forge: responses are cached by ETag, and rate limits are respected.

It is not the transport of the sources: whole answers are kept, because many commits lead to the same pull request, and
an exhausted limit is waited for by the queue of deployments, not by a request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from ssl import SSLContext
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, TypeAdapter, ValidationError
from yarl import URL

from dora_exporter.config.client_tls import TlsConfig, client_context
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.http_response import Answer

_CACHED = 2000
_PAGES_AT_MOST = 20
_RESERVED_RATIO = 0.05
_WAIT_SECONDS = 60.0
_LARGEST_BODY = 16 << 20
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)

_Shape = TypeVar("_Shape", bound=BaseModel)
_Result = TypeVar("_Result")

Headers = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the headers of every request. Called each time, because a token may change."""


class ForgeFailed(Exception):
    """A forge sent no usable response."""


class ForgeMisconfigured(ForgeFailed):
    """A forge cannot be queried until a setting, a file or a right is changed."""


class Throttled(Exception):
    """A forge refuses requests until ``until_ms``."""

    def __init__(self, until_ms: int) -> None:
        """``until_ms`` is in milliseconds since the epoch."""
        super().__init__("the rate limit is exhausted")
        self.until_ms = until_ms


class Forge:
    """One host's API. Keeps a twentieth of its rate limit for others who use the same token."""

    def __init__(self, base_url: str, *, headers: Headers, clock: Clock, tls: TlsConfig | None = None) -> None:
        """Paths go on after ``base_url``."""
        self.is_misconfigured = False
        self._tls = tls
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._clock = clock
        self._closed_until_ms = 0
        self._session: aiohttp.ClientSession | None = None
        self._cache: OrderedDict[URL, tuple[str, Answer]] = OrderedDict()

    async def close(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, shape: type[_Shape]) -> _Shape | None:
        """A resource; None when there is none. ``path`` is quoted."""
        answer = await self._answer(URL(self._base_url + path, encoded=True))
        return None if answer is None else _read(answer, TypeAdapter(shape))

    async def items(self, path: str, shape: type[_Shape]) -> AsyncIterator[_Shape]:
        """The items of a list, page after page; none when there is no such list."""
        reader = TypeAdapter(list[dict[str, object]])
        url: URL | None = URL(f"{self._base_url}{path}{'&' if '?' in path else '?'}per_page=100", encoded=True)
        for _ in range(_PAGES_AT_MOST):
            answer = await self._answer(url) if url else None
            if answer is None:
                return
            for item in _read(answer, reader):
                yield _shaped(item, shape)
            url = self._next(answer)

    async def _answer(self, url: URL) -> Answer | None:
        if self._clock() < self._closed_until_ms:
            raise Throttled(self._closed_until_ms)
        cached = self._cache.get(url)
        try:
            answer = await self._ask(url, cached[0] if cached else None)
        except ForgeMisconfigured:
            self.is_misconfigured = True
            raise
        self._note_rate(answer)
        self.is_misconfigured = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        if cached and answer.is_unchanged:
            self._cache.move_to_end(url)
            return cached[1]
        if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY):
            return None
        if answer.outcome != "success":
            raise ForgeFailed(f"{url.host}{url.path} answered {answer.status}")
        self._remember(url, answer)
        return answer

    async def _ask(self, url: URL, etag: str | None) -> Answer:
        """One request. A redirect is not followed: it would carry the token to another host."""
        headers = {**await self._headers(), **({"If-None-Match": etag} if etag else {})}
        session = await self._opened()
        try:
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > _LARGEST_BODY:
                        raise ForgeFailed(f"{url.host}{url.path} sent a response that is too long")
                return Answer(response.status, response.headers, bytes(body))
        except (aiohttp.ClientError, TimeoutError, OSError) as reason:
            raise ForgeFailed(f"{url.host} gave no response ({type(reason).__name__})") from reason

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls: SSLContext | bool = True
            if self._tls is not None:
                try:
                    tls = await asyncio.to_thread(client_context, self._tls)
                except OSError as reason:
                    said = f"tls_config: a certificate cannot be loaded: {type(reason).__name__}"
                    raise ForgeMisconfigured(said) from None
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls),
                timeout=_TIMEOUT,
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _note_rate(self, answer: Answer) -> None:
        """Closes the forge while its limit is nearly used up. Raises ``Throttled`` when it is."""
        limit, remaining = answer.rate("limit"), answer.rate("remaining")
        is_refused = answer.outcome == "throttled"
        is_scarce = remaining is not None and limit is not None and remaining < limit * _RESERVED_RATIO
        if not (is_refused or is_scarce):
            return
        wait = answer.asked_wait(self._clock())
        self._closed_until_ms = self._clock() + int(1000 * (_WAIT_SECONDS if wait is None else wait))
        if is_refused:
            raise Throttled(self._closed_until_ms)

    def _remember(self, url: URL, answer: Answer) -> None:
        etag = answer.headers.get("ETag")
        if etag:
            self._cache[url] = etag, answer
            self._cache.move_to_end(url)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)

    def _next(self, answer: Answer) -> URL | None:
        """The next page, if it is on the same API."""
        for part in answer.headers.get("Link", "").split(","):
            address, _, relation = part.strip().partition(";")
            if 'rel="next"' in relation and address.strip("<>").startswith(f"{self._base_url}/"):
                return URL(address.strip("<>"), encoded=True)
        return None


def _shaped(item: dict[str, object], shape: type[_Shape]) -> _Shape:
    try:
        return shape.model_validate(item)
    except ValidationError as reason:
        raise ForgeFailed(f"the forge listed something that is not a {shape.__name__.strip('_')}") from reason


def _read(answer: Answer, reader: TypeAdapter[_Result]) -> _Result:
    try:
        return reader.validate_json(answer.body)
    except ValidationError as reason:
        raise ForgeFailed(f"the forge sent an unexpected response ({reason.error_count()})") from reason
