"""The bytes that answer a scrape, joined from text that is kept."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily

from dora_exporter.blocks import Family, TextCache
from dora_exporter.clock import Clock
from dora_exporter.deflated import Piece, deflate, gzip_member
from dora_exporter.exposition.negotiation import Format
from dora_exporter.exposition.own_families import CONTENT_TYPES, Families, OwnFamilies

_BLOCKS_PER_SLICE = 32
_END_OF_OPENMETRICS = b"# EOF\n"

Update = Callable[[int], bool]
"""Brings the text caches up to a time in milliseconds. A call does a few milliseconds of work and returns True when
nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body in parts, of which none changes any more."""

    parts: tuple[bytes, ...]
    length: int
    content_type: str


class Exposition:
    """Answers scrapes. While nothing has changed it gives the same object again."""

    def __init__(self, *, caches: Sequence[TextCache], own: OwnFamilies, update: Update, clock: Clock) -> None:
        """The families of the caches in order, then the daemon's own."""
        self._caches = tuple(caches)
        self._own = own
        self._update = update
        self._clock = clock
        self._headers = {
            (wanted, family): deflate(_header(wanted, family))
            for wanted in Format
            for cache in caches
            for family in cache.families
        }
        self._lock = asyncio.Lock()
        self._version: tuple[int, ...] = ()
        self._bodies: dict[tuple[Format, bool], Body] = {}

    async def update(self) -> None:
        """Brings the text caches up to now, as a scrape does."""
        async with self._lock:
            await self._bring_up_to_date()

    async def scrape(self, wanted: Format, *, gzip: bool, names: Collection[str] = ()) -> Body:
        """The exposition as of now, of all families or of those named. Never keeps the event loop for long."""
        async with self._lock:
            await self._bring_up_to_date()
            if names:
                return _body(self._selected(wanted, names), wanted, gzip=gzip)
            version = (self._own.version, *[cache.version for cache in self._caches])
            if version != self._version:
                self._bodies.clear()
                self._version = version
            body = self._bodies.get((wanted, gzip))
            if body is None:
                body = self._bodies[wanted, gzip] = _body(self._all(wanted), wanted, gzip=gzip)
            return body

    async def _bring_up_to_date(self) -> None:
        for _ in self._slices(self._clock()):
            await asyncio.sleep(0)
        self._own.refresh()

    def _slices(self, now_ms: int) -> Iterator[None]:
        """Works in slices until all text is that of ``now_ms`` at once."""
        while not (self._update(now_ms) and all(cache.refresh(_BLOCKS_PER_SLICE) for cache in self._caches)):
            yield

    def _all(self, wanted: Format) -> list[Piece]:
        pieces = [
            piece
            for cache in self._caches
            for family, lines in cache.sections()
            for piece in (self._headers[wanted, family], lines)
        ]
        return [*pieces, self._own.piece(wanted)]

    def _selected(self, wanted: Format, names: Collection[str]) -> list[Piece]:
        pieces = [
            piece
            for cache in self._caches
            for family, lines in cache.sections()
            if family.name in names
            for piece in (self._headers[wanted, family], lines)
        ]
        return [*pieces, self._own.selected(wanted, names)]


def _header(wanted: Format, family: Family) -> bytes:
    """The HELP and TYPE lines, which are all that differs between the formats."""
    return Families([GaugeMetricFamily(family.name, family.help)]).render(wanted).removesuffix(_END_OF_OPENMETRICS)


def _body(pieces: Sequence[Piece], wanted: Format, *, gzip: bool) -> Body:
    if gzip:
        member = gzip_member(pieces)
        return Body((member,), len(member), CONTENT_TYPES[wanted])
    parts = tuple(part for piece in pieces for part in piece.parts)
    return Body(parts, sum(piece.length for piece in pieces), CONTENT_TYPES[wanted])
