"""The daemon's own families as text, rendered by ``prometheus_client`` when they may have changed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from dora_exporter.exposition.gzip_pieces import Piece, deflate
from dora_exporter.exposition.negotiation import Format
from dora_exporter.runtime.clock import stopwatch

# Asked for no version of the text format, prometheus_client writes 0.0.4.
_ENCODERS = {
    Format.TEXT: choose_encoder(Format.TEXT.media_type),
    Format.OPENMETRICS: choose_encoder("; version=".join(Format.OPENMETRICS.value)),
}
CONTENT_TYPES = {each: content_type for each, (_, content_type) in _ENCODERS.items()}


class Families:
    """Families that were collected, in the shape of a registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        """The families in order."""
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families

    def restricted_to(self, names: Collection[str]) -> "Families":
        """The families with this name, or with a sample of this name."""
        return Families(
            family
            for family in self._families
            if family.name in names or any(sample.name in names for sample in family.samples)
        )

    def render(self, wanted: Format) -> bytes:
        """The text of the families; in OpenMetrics it ends the exposition."""
        encode, _ = _ENCODERS[wanted]
        return encode(self)


@dataclass(slots=True)
class Activity:
    """How often something happened that may have changed anything that the daemon says of itself."""

    count: int = 0


Stamp = Callable[[], object]
"""Returns another value once a collector may have other families."""


@dataclass(slots=True)
class _Member:
    collector: Collector
    stamp: Stamp
    seen: object = None
    families: tuple[Metric, ...] = ()


class OwnFamilies:
    """The families of collectors, each collected again when its stamp changes.

    All are after any activity, or when they are ``refresh_seconds`` old. Scrapes in between get the same bytes, so that
    the daemon answers as fast as it can when nothing happens.
    """

    def __init__(self, registry: Collector, *, stopwatch: Callable[[], float] = stopwatch) -> None:
        """Begins with the families of a registry. Nothing is collected before the first scrape."""
        self._members = [_Member(registry, _never)]
        self.refresh_seconds = 1.0
        self._stopwatch = stopwatch
        self._collected_at: float | None = None
        self._collected_after = 0
        self.activity = Activity()
        self._families = Families(())
        self._pieces: dict[Format, Piece] = {}
        self.version = 0
        """Another number whenever families were collected again."""

    def add(self, collector: Collector, stamp: Stamp | None = None) -> None:
        """Adds the families of a collector behind the others."""
        self._members.append(_Member(collector, stamp or _never))

    def refresh(self) -> None:
        """Collects the families for which it is time."""
        now = self._stopwatch()
        if self._is_outdated(now):
            self._collected_after, self._collected_at = self.activity.count, now
            self._collect(self._members)
        else:
            self._collect([each for each in self._members if each.seen != each.stamp()])

    def _collect(self, members: Sequence[_Member]) -> None:
        if not members:
            return
        for each in members:
            each.seen = each.stamp()
            each.families = tuple(each.collector.collect())
        self._families = Families(family for each in self._members for family in each.families)
        self._pieces.clear()
        self.version += 1

    def _is_outdated(self, now: float) -> bool:
        return (
            self._collected_at is None
            or self.activity.count != self._collected_after
            or now - self._collected_at >= self.refresh_seconds
        )

    def piece(self, wanted: Format) -> Piece:
        """All families."""
        if wanted not in self._pieces:
            self._pieces[wanted] = deflate(self._families.render(wanted))
        return self._pieces[wanted]

    def selected(self, wanted: Format, names: Collection[str]) -> Piece:
        """The families that are so named."""
        return deflate(self._families.restricted_to(names).render(wanted))


def _never() -> None:
    """A stamp that does not change."""
