"""Records defects of series and aggregates: the first one causes a recomputation, the next one excludes them."""

import logging
from collections.abc import Mapping

from dora_exporter.dora.events import Series
from dora_exporter.series.aggregate import Aggregate

logger = logging.getLogger(__name__)


class Defects:
    """The first defect of a series or an aggregate causes a recomputation; another one in that makes it broken.

    Its length is how many are broken.
    """

    def __init__(self) -> None:
        """No defect yet."""
        self._suspects: dict[Series, None] = {}
        """Recomputed after a defect, and not rendered since."""
        self._broken: dict[Series, None] = {}
        self._suspect_aggregates: dict[Aggregate, None] = {}
        self._broken_aggregates: dict[Aggregate, None] = {}

    def __len__(self) -> int:
        """The numbers of broken series and of broken teams."""
        return len(self._broken) + len(self._broken_aggregates)

    def is_broken(self, series: Series) -> bool:
        """Whether a series has no gauges because computing them fails."""
        return series in self._broken

    def meet_in_series(self, series: Series, defect: Exception) -> bool:
        """Records a defect of a series; True if it has to be recomputed, False if it is broken."""
        if series not in self._suspects:
            logger.error("series recomputed after an internal error %s", _named(series._asdict()), exc_info=defect)
            self._suspects[series] = None
            return True
        del self._suspects[series]
        if series not in self._broken:
            self._broken[series] = None
            logger.error("series has no metrics after an internal error %s", _named(series._asdict()), exc_info=defect)
        return False

    def meet_in_aggregate(self, aggregate: Aggregate, defect: Exception) -> bool:
        """Records a defect of a team or the surplus; True if it has to be recounted, False if it is broken."""
        if aggregate in self._broken_aggregates:
            return False
        labels = _named(aggregate.labels)
        if aggregate not in self._suspect_aggregates:
            self._suspect_aggregates[aggregate] = None
            logger.error("aggregate recomputed after an internal error %s", labels, exc_info=defect)
            return True
        self._broken_aggregates[aggregate] = None
        logger.error("aggregate has no metrics after an internal error %s", labels, exc_info=defect)
        return False

    def retry(self, series: Series) -> None:
        """Gives a broken series one more recomputation."""
        # As a suspect it has one attempt: if that fails, too, it is broken at once, and the log is not told again.
        self._suspects[series] = None

    def clear(self, series: Series) -> None:
        """Clears a series that was computed and rendered without a defect."""
        self._suspects.pop(series, None)
        if series in self._broken:
            del self._broken[series]
            logger.warning("series recovered %s", _named(series._asdict()))

    def clear_aggregate(self, aggregate: Aggregate) -> None:
        """Clears an aggregate that was rendered without a defect."""
        self._suspect_aggregates.pop(aggregate, None)
        self._broken_aggregates.pop(aggregate, None)


def _named(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in labels.items())
