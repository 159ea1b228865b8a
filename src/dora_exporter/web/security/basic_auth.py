"""Basic auth: names and passwords of the web configuration file."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import bcrypt
from aiohttp import BasicAuth, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.web.security.password_queue import Client, PasswordQueue, TooManyAttempts, client_of
from dora_exporter.web.security.rate_limit import too_many_requests
from dora_exporter.web.server.connections import mark_authenticated
from dora_exporter.web.server.errors import API_PREFIX, Forbidden, Words, as_json

_OPENED_BY_KEYS = (API_PREFIX, "/webhooks/")
_REMEMBERED_FAILURES = 1000
_LONGEST_PASSWORD_BYTES = 72
_COST_END = 7
_AGAIN_SECONDS = 1
_USER = web.RequestKey("user", str)
_DUMMY_HASH = "wV7F4.4bL0mDzqkCHmD2luD3Ff7w8nTgZ6YyZ0vO7lq4Q8oJmJk2."
"""The salt and the digest that passwords of unknown users are checked against."""


def basic_auth(users: Callable[[], Mapping[str, str]], *, has_key: Callable[[web.Request], bool]) -> Middleware:
    """A middleware that admits only ``users``, names with bcrypt hashes; without users it admits every request.

    A valid API key (``has_key``) replaces a password on paths that take keys. Under ``/api/`` a refusal is
    403, because clients try again after a 401.
    """
    passwords = Passwords()

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        known = users()
        if not known or (request.path.startswith(_OPENED_BY_KEYS) and has_key(request)):
            return await handler(request)
        given = credentials(request)
        try:
            is_right = given is not None and await passwords.is_right(
                known, given.login, given.password, address=request.remote
            )
        except TooManyAttempts:
            return too_many_requests(_AGAIN_SECONDS)
        if given is not None and is_right:
            request[_USER] = given.login
            mark_authenticated(request)
            return await handler(request)
        if request.path.startswith(API_PREFIX):
            raise Forbidden("neither a valid key nor a user's password")
        refusal = as_json(Words(["Unauthorized"]), status=HTTPStatus.UNAUTHORIZED)
        refusal.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="dora-exporter", charset="UTF-8"'
        return refusal

    return authenticate


def user_of(request: web.Request) -> str | None:
    """The authenticated user; None where there are no users, or a key was used."""
    return request.get(_USER)


def credentials(request: web.Request) -> BasicAuth | None:
    """The name and the password that a request brings."""
    for header in request.headers.getall(hdrs.AUTHORIZATION, ()):
        try:
            return BasicAuth.decode(header, encoding="utf-8")
        except ValueError:  # another scheme, or no Base64 of UTF-8
            continue
    return None


class Passwords:
    """Checks passwords. bcrypt is slow by intent: it has a thread of its own, and its answers are kept."""

    def __init__(self) -> None:
        """Knows no answer yet."""
        self._pepper = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._pending: dict[bytes, asyncio.Future[bool]] = {}
        self._queue = PasswordQueue()
        self._thread = ThreadPoolExecutor(1, "passwords")

    async def is_right(self, users: Mapping[str, str], name: str, password: str, *, address: str | None) -> bool:
        """Whether there is a user of this name with this password. An unknown one takes as long as a known one.

        Raises ``TooManyAttempts`` when others have asked since and it would take too long.
        """
        hashed = users.get(name) or next(iter(users.values()))[:_COST_END] + _DUMMY_HASH
        attempt = self._digest(name, hashed, password)
        known = self._answer(name, attempt)
        if known is not None:
            return known
        pending = self._pending.get(attempt)
        if pending is None:
            client = client_of(address, name if name in users else None)
            pending = asyncio.ensure_future(self._check(client, password, hashed, is_known=name in users))
            pending.add_done_callback(lambda done: self._end(attempt, name, done))
            self._pending[attempt] = pending
        return await asyncio.shield(pending)  # equal attempts share one check, which outlives the client that began it

    async def _check(self, client: Client, password: str, hashed: str, *, is_known: bool) -> bool:
        loop = asyncio.get_running_loop()
        async with self._queue.turn(client):
            is_right = await loop.run_in_executor(self._thread, _matches, password, hashed) and is_known
        self._queue.record(client, is_right=is_right)
        return is_right

    def _end(self, attempt: bytes, name: str, done: asyncio.Future[bool]) -> None:
        del self._pending[attempt]
        if not done.cancelled() and done.exception() is None:
            self._remember(name, attempt, is_right=done.result())

    def _answer(self, name: str, attempt: bytes) -> bool | None:
        if hmac.compare_digest(self._right.get(name, b""), attempt):
            return True
        return False if attempt in self._wrong else None

    def _remember(self, name: str, attempt: bytes, *, is_right: bool) -> None:
        """Right answers are one per user. Guesses push out older guesses only."""
        if is_right:
            self._right[name] = attempt
            return
        self._wrong[attempt] = None
        if len(self._wrong) > _REMEMBERED_FAILURES:
            self._wrong.popitem(last=False)

    def _digest(self, name: str, hashed: str, password: str) -> bytes:
        """Stands for an attempt without keeping it. A changed hash makes another attempt of the same password."""
        digest = hashlib.blake2b(key=self._pepper)
        for part in (name, hashed, password):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.digest()


def _matches(password: str, hashed: str) -> bool:
    """Whether bcrypt says so. It looks at the first 72 bytes only, and the library refuses more."""
    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST_PASSWORD_BYTES], hashed.encode())
    except ValueError:
        return False
