"""The daemon's own families as text, rendered by ``prometheus_client`` when they may have changed."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder

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
    """How often something happened that may have changed what the daemon says of itself."""

    count: int = 0


class OwnFamilies:
    """The families of a registry, collected again after any activity, or when they are ``refresh_seconds`` old.

    Scrapes in between get the same bytes, so that the daemon answers as fast as it can when nothing happens.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        refresh_seconds: float = 1.0,
        stopwatch: Callable[[], float] = stopwatch,
    ) -> None:
        """Nothing is collected before the first scrape."""
        self._registry = registry
        self._refresh_seconds = refresh_seconds
        self._stopwatch = stopwatch
        self._collected_at: float | None = None
        self._collected_after = 0
        self.activity = Activity()
        self._families = Families(())
        self._pieces: dict[Format, Piece] = {}
        self.version = 0
        """Another number whenever the families were collected again."""

    def refresh(self) -> None:
        """Collects the families if it is time."""
        now = self._stopwatch()
        if self._is_outdated(now):
            self._collected_after = self.activity.count
            self._families = Families(self._registry.collect())
            self._pieces.clear()
            self._collected_at = now
            self.version += 1

    def _is_outdated(self, now: float) -> bool:
        return (
            self._collected_at is None
            or self.activity.count != self._collected_after
            or now - self._collected_at >= self._refresh_seconds
        )

    def piece(self, wanted: Format) -> Piece:
        """All families."""
        if wanted not in self._pieces:
            self._pieces[wanted] = deflate(self._families.render(wanted))
        return self._pieces[wanted]

    def selected(self, wanted: Format, names: Collection[str]) -> Piece:
        """The families that are so named."""
        return deflate(self._families.restricted_to(names).render(wanted))
