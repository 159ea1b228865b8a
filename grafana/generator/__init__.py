"""Generates the dashboards in ``grafana/dashboards``: ``python -m grafana.generator`` writes them."""

from collections.abc import Iterator

from grafana.generator import events, exporter, group, overview, service, team
from grafana.generator.dashboard import text


def generated() -> Iterator[tuple[str, str]]:
    """The name of each file, and what it holds."""
    for module in (events, exporter, group, overview, service, team):
        yield f"{module.__name__.rpartition('.')[2]}.json", text(module.dashboard())
