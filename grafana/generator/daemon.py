"""The daemon's own metrics: how they are asked for, and panels that show them."""

from grafana.generator import promql, units
from grafana.generator.panels import Look, Panel, Query, lines, stat

ITS = 'job=~"$job", instance=~"$instance"'
GOOD, BAD = "green", "red"
STATE = Look(texts={"1": ("up", GOOD), "0": ("down", BAD)})
SETTINGS = Look(texts={"0": ("accepted", GOOD), "1": ("refused", BAD)})
DURATION = Look(units.DURATION)


def of(metric: str, how: str = "max", by: str = "") -> str:
    """A gauge of the chosen daemons."""
    return promql.gauge(metric, ITS, by=by, how=how)


def increase(metric: str, by: str, function: str = "increase") -> str:
    """How much counters of the chosen daemons grew."""
    return f"sum by ({by}) ({function}({metric}{{{ITS}}}[$__rate_interval]))"


def or_none(expression: str, label: str, name: str) -> str:
    """Shows a name with 0 where there is nothing of a kind, so that an empty panel always means a fault."""
    return f'{expression} or on () label_replace(vector(0), "{label}", "{name}", "", "")'


def now(title: str, description: str, query: Query, look: Look, shows: str = "auto") -> Panel:
    """The present state, without a graph."""
    return stat(title, description, query, look=look, graph=False, shows=shows, nothing="absent")


def graph(
    title: str, description: str, *queries: Query, unit: str = units.COUNT, at_least: float = 1, many: bool = False
) -> Panel:
    """Lines, where what only counts has no decimals."""
    decimals = 0 if unit == units.COUNT and not any("increase(" in query.expression for query in queries) else None
    return lines(title, description, *queries, look=Look(unit, decimals), at_least=at_least, many=many)
