"""How sources talk to their upstreams: time limits, retries, rate limits and redaction, in one place."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from ssl import SSLContext
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.http_response import Answer
from dora_exporter.runtime.json_escapes import mended
from dora_exporter.sources.http.network_errors import in_words

REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
MOST_TRIES = 5
_FIRST_BACKOFF_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 60.0
_MOST_AT_ONCE = 4
_SCARCE_RATIO = 0.1
_LARGEST_BODY = 64 * 1024 * 1024

Query = Sequence[tuple[str, str]]


class Unreachable(Exception):
    """The upstream gave no usable response after all retries."""


class Refused(Exception):
    """The upstream refused a request; a retry would not help."""

    def __init__(self, words: str, *, status: int, code: int | None = None) -> None:
        """``code`` is the upstream's own number of the error."""
        super().__init__(words)
        self.status = status
        self.code = code

    @property
    def is_misconfiguration(self) -> bool:
        """Whether an operator has to change a token, a permission or a subscription."""
        return self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN}


class _TooLong(Exception):
    """The response is longer than the limit; a retry would not help."""


@dataclass
class Traffic:
    """Statistics of a source's requests since the start. ``ratelimit_remaining`` is None until a response has it."""

    requests: Counter[str] = field(default_factory=Counter)
    ratelimit_remaining: float | None = None
    throttled_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Headers and query of every request. ``secrets`` are the texts in them that must never be shown."""

    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    tls: SSLContext | None = None

    def redact(self, text: str) -> str:
        """The text without the secrets."""
        for secret in sorted(filter(None, self.secrets), key=len, reverse=True):  # one may be a part of another
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, kw_only=True)
class RetryTiming:
    """How retries wait. Tests replace it; ``chance`` returns a random number from 0 up to 1."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    url: URL
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport:
    """The one HTTP client of all sources. ``open`` it in a running loop, ``close`` it at the end."""

    def __init__(self, *, clock: Clock, retry_timing: RetryTiming | None = None) -> None:
        """``clock`` reads the dates in answers."""
        self._clock = clock
        self._retry_timing = retry_timing or RetryTiming()
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """From here on upstreams can be reached."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Closes every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def upstream(self, base_url: str, *, credentials: Credentials, traffic: Traffic) -> "Upstream":
        """A product's API; paths go on after ``base_url``. Make one for each pass: credentials may change."""
        if self._session is None:
            raise RuntimeError("the transport is not open")
        requests = _Requests(self._session, self._at_once, self._clock, self._retry_timing)
        return Upstream(requests, base_url, credentials=credentials, traffic=traffic)


@dataclass(frozen=True)
class _Requests:
    """What the requests of all upstreams share: ``at_once`` bounds how many are under way."""

    session: aiohttp.ClientSession
    at_once: asyncio.Semaphore
    clock: Clock
    retry_timing: RetryTiming


class Upstream:
    """A product's API as one source sees it.

    A request raises ``Refused`` for an answer that is final, and ``Unreachable`` when five tries brought none.
    """

    def __init__(self, requests: _Requests, base_url: str, *, credentials: Credentials, traffic: Traffic) -> None:
        """Made by ``Transport.upstream``."""
        self._requests = requests
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._traffic = traffic
        self._pace_seconds = 0.0

    async def get(self, path: str, query: Query = (), *, unless: str | None = None) -> Answer:
        """Asks for a resource; one that still has the ETag ``unless`` is answered with status 304 and no body."""
        headers = {"If-None-Match": unless} if unless else {}
        return await self._insist(
            _Request(method="GET", url=self._url(path).update_query(list(query)), headers=headers)
        )

    async def post_json(self, path: str, body: object) -> Answer:
        """Sends a query that changes nothing upstream, so that it may be repeated."""
        return await self._post(path, msgspec.json.encode(body), "application/json")

    async def post_form(self, path: str, fields: Query) -> Answer:
        """Sends a query as form fields: for one that is too long for a URL."""
        return await self._post(path, urlencode(list(fields)).encode(), "application/x-www-form-urlencoded")

    async def _post(self, path: str, body: bytes, content_type: str) -> Answer:
        headers = {"Content-Type": content_type}
        return await self._insist(_Request(method="POST", url=self._url(path), body=body, headers=headers))

    def _url(self, path: str) -> URL:
        return URL(self._base_url + path)

    async def _insist(self, request: _Request) -> Answer:
        for attempt in range(MOST_TRIES):
            await self._keep_pace()
            backoff = self._requests.retry_timing.chance() * min(
                _LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt
            )
            try:
                answer = await self._send(request)
            except _TooLong:
                self._traffic.requests["network_error"] += 1
                said = f"the answer is longer than {_LARGEST_BODY >> 20} MiB"
                raise Unreachable(self._explained(request, said)) from None
            except (aiohttp.ClientError, TimeoutError, OSError) as reason:
                self._traffic.requests["network_error"] += 1
                problem, wait = in_words(reason), backoff
            else:
                if answer.outcome == "success":
                    return answer
                problem, wait = self._problem_of(request, answer), self._wait_after(answer, backoff)
            if attempt + 1 < MOST_TRIES:
                await self._requests.retry_timing.sleep(wait)
        raise Unreachable(self._explained(request, f"{problem}, {MOST_TRIES} times"))

    async def _send(self, request: _Request) -> Answer:
        """One try. A redirect is not followed: it would carry the token to another host."""
        async with (
            self._requests.at_once,
            self._requests.session.request(
                request.method,
                request.url,
                data=request.body,
                headers={**self._credentials.headers, **request.headers},
                allow_redirects=False,
                ssl=self._credentials.tls or True,
            ) as response,
        ):
            answer = Answer(response.status, response.headers, await mended(await _whole_body(response)))
        self._traffic.requests[answer.outcome] += 1
        self._note_rate(answer)
        return answer

    def _problem_of(self, request: _Request, answer: Answer) -> str:
        """What is wrong with an answer that a later try may better; raises ``Refused`` when none can."""
        code, words = answer.explanation()
        said = self._credentials.redact(words) or _phrase(answer.status)
        problem = f"status {answer.status}: {said}" if said else f"status {answer.status}"
        if answer.outcome == "refused":
            raise Refused(self._explained(request, problem), status=answer.status, code=code)
        return problem

    def _wait_after(self, answer: Answer, backoff: float) -> float:
        asked = answer.asked_wait(self._requests.clock())
        wait = backoff if asked is None else asked
        if answer.outcome == "throttled":
            self._traffic.throttled_seconds += wait
        return wait

    async def _keep_pace(self) -> None:
        """Spreads what is left of a rate limit over the time until there is more."""
        pace, self._pace_seconds = self._pace_seconds, 0.0
        if pace:
            self._traffic.throttled_seconds += pace
            await self._requests.retry_timing.sleep(pace)

    def _note_rate(self, answer: Answer) -> None:
        limit, remaining = answer.rate("limit"), answer.rate("remaining")
        if remaining is None:
            return
        self._traffic.ratelimit_remaining = remaining
        is_scarce = limit is not None and 0 <= remaining < limit * _SCARCE_RATIO
        if is_scarce and answer.outcome == "success":
            self._pace_seconds = (answer.asked_wait(self._requests.clock()) or 0.0) / (remaining + 1)

    def _explained(self, request: _Request, problem: str) -> str:
        """Says what happened where. The query stays out: it may hold what is secret."""
        host = request.url.host_subcomponent
        return f"{request.method} {host}:{request.url.port}{request.url.path}: {problem}"


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise _TooLong
    return bytes(body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
