"""API keys, and the rights that they grant."""

import enum
import hashlib
import hmac
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler

from dora_exporter.web.server.connections import mark_authenticated
from dora_exporter.web.server.errors import Forbidden

API_KEY_HEADER = "DD-API-KEY"
APPLICATION_KEY_HEADER = "DD-APPLICATION-KEY"
_BEARER = "bearer "


class Right(enum.Enum):
    """A right that a key grants."""

    READ = "read"
    WRITE = "write"


class Access:
    """The configured keys. Without any, every request has every right."""

    def __init__(self, *, api_keys: Iterable[str] = (), read_keys: Iterable[str] = ()) -> None:
        """``api_keys`` write and read, ``read_keys`` read."""
        self.replace(api_keys=api_keys, read_keys=read_keys)

    def replace(self, *, api_keys: Iterable[str], read_keys: Iterable[str]) -> None:
        """From now on these keys are the valid ones."""
        self._rights = [(_hash(key), frozenset(Right)) for key in api_keys]
        self._rights += [(_hash(key), frozenset({Right.READ})) for key in read_keys]

    @property
    def is_closed(self) -> bool:
        """Whether keys are configured."""
        return bool(self._rights)

    def holds_key(self, request: web.Request, *, key_in_query: bool = False) -> bool:
        """Whether the request brings a key, and every key that it brings is a configured one."""
        return bool(self._rights_of(_presented(request, key_in_query=key_in_query)))

    def check(self, request: web.Request, right: Right, *, key_in_query: bool = False) -> None:
        """Raises ``Forbidden`` unless one of the request's keys grants the right and none of them is wrong."""
        if not self.is_closed:
            return
        if right not in self._rights_of(_presented(request, key_in_query=key_in_query)):
            raise Forbidden("no valid key")
        mark_authenticated(request)

    def allows(self, request: web.Request, right: Right) -> bool:
        """Whether ``check`` lets a request pass."""
        try:
            self.check(request, right)
        except Forbidden:
            return False
        return True

    def reads(self, handler: Handler) -> Handler:
        """The handler, for requests with the right to read."""
        return self._guarded(handler, Right.READ, key_in_query=False)

    def writes(self, handler: Handler, *, key_in_query: bool = False) -> Handler:
        """The handler, for requests with the right to write; ``key_in_query`` takes ``?api_key=`` too."""
        return self._guarded(handler, Right.WRITE, key_in_query=key_in_query)

    def _guarded(self, handler: Handler, right: Right, *, key_in_query: bool) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self.check(request, right, key_in_query=key_in_query)
            return await handler(request)

        return guarded

    def _rights_of(self, keys: Iterable[str]) -> frozenset[Right]:
        """The rights of all keys together, none when one of them is wrong. An empty key is ignored."""
        found = [self._rights_of_one(key) for key in keys if key]
        return frozenset().union(*found) if all(found) else frozenset()

    def _rights_of_one(self, key: str) -> frozenset[Right]:
        """Compares with every configured key, so that the time taken says nothing."""
        presented = _hash(key)
        found: frozenset[Right] = frozenset()
        for valid, rights in self._rights:
            found |= rights if hmac.compare_digest(presented, valid) else frozenset()
        return found


def _presented(request: web.Request, *, key_in_query: bool = False) -> list[str]:
    headers = request.headers
    keys = [*headers.getall(API_KEY_HEADER, ()), *headers.getall(APPLICATION_KEY_HEADER, ())]
    credentials = [value for value in headers.getall("Authorization", ()) if value[: len(_BEARER)].lower() == _BEARER]
    if key_in_query:
        keys += [key for name in ("api_key", "application_key") for key in request.query.getall(name, ())]
    return [*keys, *(value[len(_BEARER) :].strip() for value in credentials)]


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
