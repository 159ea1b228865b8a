"""Counts the series, teams and names that there are, and what is left out of them."""

from collections.abc import Mapping

from dora_exporter.dora.catalogue.catalogue import Appearances
from dora_exporter.series.aggregates import Aggregates
from dora_exporter.series.definitions import Definitions


class Census:
    """Counts what an engine knows, as of its last update."""

    def __init__(self, aggregates: Aggregates, appearances: Appearances, definitions: Definitions) -> None:
        """``appearances`` has the names that the events of a series were sent with."""
        self._aggregates = aggregates
        self._appearances = appearances
        self._definitions = definitions

    @property
    def series(self) -> int:
        """Distinct series with at least one event."""
        return len(self._aggregates.foldings.series)

    @property
    def series_folded(self) -> int:
        """Series beyond the limit, which are exposed together."""
        return self._aggregates.foldings.series.folded

    @property
    def teams(self) -> int:
        """Distinct teams and environments with at least one event."""
        return len(self._aggregates.foldings.rollups["team"])

    @property
    def teams_folded(self) -> int:
        """Teams beyond the limit, which are exposed together."""
        return self._aggregates.foldings.rollups["team"].folded

    @property
    def values(self) -> tuple[int, int]:
        """Distinct values of dimensions, and those beyond the limit."""
        dimensions = self._aggregates.foldings.rollups.get("dimension")
        return (len(dimensions), dimensions.folded) if dimensions is not None else (0, 0)

    @property
    def series_limit(self) -> int:
        """How many series are exposed by name."""
        return self._definitions.series_limit

    @property
    def lead_time_commits_dropped(self) -> Mapping[str, int]:
        """Commits that are no lead time sample, by cause."""
        return {"negative": sum(aggregate.measures.dropped for aggregate in self._aggregates.series.values())}

    @property
    def environments(self) -> set[str]:
        """The environments of the series that have labels of their own."""
        series = self._aggregates.series.items()
        return {each.environment for each, aggregate in series if self._aggregates.is_exposed(aggregate)}

    def unmapped_names(self) -> Mapping[str, int]:
        """How many names of services and of environments no entry of the catalogue knows; empty without any entry."""
        catalogue = self._definitions.catalogue
        if not catalogue.has_entries:
            return {}
        sent = {each for series in self._aggregates.series for each in self._appearances.sent_as(series)}
        services, environments = {each.service for each in sent}, {each.environment for each in sent}
        return {
            "environment": sum(not catalogue.environment_meaning(each).is_known for each in environments),
            "service": sum(not catalogue.service_meaning(each).is_known for each in services),
        }
