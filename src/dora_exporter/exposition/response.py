"""The bytes that answer a scrape, joined from text that is kept."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily

from dora_exporter.exposition.gzip_pieces import Piece, deflate, gzip_member
from dora_exporter.exposition.negotiation import Format
from dora_exporter.exposition.registry_text import CONTENT_TYPES, Families, OwnFamilies
from dora_exporter.exposition.text_cache import Family, TextCache
from dora_exporter.runtime.clock import Clock, Stopwatch, stopwatch
from dora_exporter.runtime.cooperative import in_slices

_BLOCKS_PER_SLICE = 32
_PATIENCE_SECONDS = 0.5
_END_OF_OPENMETRICS = b"# EOF\n"

Update = Callable[[int], bool]
"""Brings the text caches up to a time in milliseconds. A call does a few milliseconds of work and returns True when
nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body in immutable parts."""

    parts: tuple[bytes, ...]
    length: int
    content_type: str


class Exposition:
    """Answers scrapes. Returns the same object while nothing has changed."""

    def __init__(
        self,
        *,
        caches: Sequence[TextCache],
        own: OwnFamilies,
        update: Update,
        clock: Clock,
        is_behind: Callable[[], bool],
        stopwatch: Stopwatch = stopwatch,
    ) -> None:
        """The families of the caches in order, then the daemon's own.

        ``is_behind`` says that so much was written that scrapes are not to wait for it.
        """
        self._caches = tuple(caches)
        self._own = own
        self._update = update
        self._is_behind = is_behind
        self._clock = clock
        self._headers = {
            (wanted, family): deflate(_header(wanted, family))
            for wanted in Format
            for cache in caches
            for family in cache.families
        }
        self._stopwatch = stopwatch
        self._rounds = 0
        self._finished_rounds = 0
        self._now_ms = 0
        self._is_updated = False
        self.published = 0
        """How often there were other numbers to show."""
        self._versions: tuple[int, ...] = ()
        self._sections: list[Sequence[tuple[Family, Piece]]] | None = None
        self._version: tuple[int, ...] = ()
        self._bodies: dict[tuple[Format, bool], Body] = {}

    async def update(self) -> None:
        """Brings the text caches up to now, as a scrape does, however long that takes."""
        wanted = self._rounds + 1
        await in_slices(lambda: self._work(wanted))

    async def scrape(self, wanted: Format, *, gzip: bool, names: Collection[str] = ()) -> Body:
        """The exposition as of now, of all families or of those named. Never keeps the event loop for long.

        Where much was written, or what is left would take too long, it is what was whole last.
        """
        if not (self._is_published and self._is_behind()):
            end = self._stopwatch() + _PATIENCE_SECONDS
            next_round = self._rounds + 1
            await in_slices(lambda: self._work(next_round) or (self._is_published and self._stopwatch() >= end))
        self._own.refresh()
        if names:
            return _body(self._selected(wanted, names), wanted, gzip=gzip)
        version = (self._own.version, self.published)
        if version != self._version:
            self._bodies.clear()
            self._version = version
        body = self._bodies.get((wanted, gzip))
        if body is None:
            body = self._bodies[wanted, gzip] = _body(self._all(wanted), wanted, gzip=gzip)
        return body

    def _work(self, wanted: int) -> bool:
        """Works some milliseconds on a round; True once the wanted one is finished.

        Whoever wants text of one moment from now on asks for the next round; several may work at the same rounds.
        """
        if self._finished_rounds == self._rounds:
            self._rounds += 1
            self._now_ms = self._clock()
            self._is_updated = False
        self._is_updated = self._is_updated or self._update(self._now_ms)
        if self._is_updated and all(cache.refresh(_BLOCKS_PER_SLICE) for cache in self._caches):
            self._publish()
            self._finished_rounds = self._rounds
        return self._finished_rounds >= wanted

    @property
    def _is_published(self) -> bool:
        return self._sections is not None

    def _publish(self) -> None:
        """From here on scrapes get what the caches have."""
        versions = tuple(cache.version for cache in self._caches)
        if self._sections is None or versions != self._versions:
            self._sections = [cache.sections() for cache in self._caches]
            self._versions = versions
            self.published += 1

    def _all(self, wanted: Format) -> list[Piece]:
        pieces = [
            piece
            for sections in self._sections or ()
            for family, lines in sections
            for piece in (self._headers[wanted, family], lines)
        ]
        return [*pieces, self._own.piece(wanted)]

    def _selected(self, wanted: Format, names: Collection[str]) -> list[Piece]:
        pieces = [
            piece
            for sections in self._sections or ()
            for family, lines in sections
            if family.name in names
            for piece in (self._headers[wanted, family], lines)
        ]
        return [*pieces, self._own.selected(wanted, names)]


@dataclass(slots=True)
class CurrentExposition:
    """The exposition in use, which a reload replaces."""

    now: Exposition


def _header(wanted: Format, family: Family) -> bytes:
    """The HELP and TYPE lines, which are all that differs between the formats."""
    return Families([GaugeMetricFamily(family.name, family.help)]).render(wanted).removesuffix(_END_OF_OPENMETRICS)


def _body(pieces: Sequence[Piece], wanted: Format, *, gzip: bool) -> Body:
    if gzip:
        member = gzip_member(pieces)
        return Body((member,), len(member), CONTENT_TYPES[wanted])
    parts = tuple(part for piece in pieces for part in piece.parts)
    return Body(parts, sum(piece.checksum.length for piece in pieces), CONTENT_TYPES[wanted])
