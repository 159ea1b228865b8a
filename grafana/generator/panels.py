"""The kinds of panels, with what all of them have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

Json = dict[str, Any]
DASH = "\N{EN DASH}"
UNKNOWN = {"type": "special", "options": {"match": "null+nan", "result": {"text": DASH, "color": "text", "index": 99}}}
"""What is not known has no colour: without this it would have that of the best numbers."""


@dataclass(frozen=True)
class Panel:
    """What a panel shows, and how much of the grid it takes."""

    content: Json
    width: int
    height: int

    def sized(self, width: int, height: int) -> "Panel":
        """The same panel, larger or smaller."""
        return Panel(self.content, width, height)


@dataclass(frozen=True)
class Query:
    """An expression, and the name of what it finds."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Look:
    """How a number looks: its unit, its digits, and from which values on it has a colour."""

    unit: str = ""
    decimals: int | None = None
    colours: Mapping[float, str] | None = None
    texts: Mapping[str, tuple[str, str]] | None = None
    """A text and its colour for a value."""
    links: Sequence[Json] = ()

    @property
    def options(self) -> Json:
        """What Grafana has for it, of a whole panel or of one column."""
        found: Json = {}
        if self.texts:
            found["mappings"] = [*self._texts(self.texts), UNKNOWN]
        if self.colours:
            found["thresholds"] = _thresholds(self.colours)
        if self.unit:
            found["unit"] = self.unit
        if self.decimals is not None:
            found["decimals"] = self.decimals
        if self.links:
            found["links"] = list(self.links)
        return found

    @staticmethod
    def _texts(texts: Mapping[str, tuple[str, str]]) -> list[Json]:
        options = {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, (text, colour)) in enumerate(texts.items())
        }
        return [{"type": "value", "options": options}]


@dataclass(frozen=True)
class Column:
    """A column of a table, found by an expression; ``width`` is in pixels."""

    title: str
    expression: str
    look: Look = Look()
    width: int = 110


def link(title: str, url: str) -> Json:
    """A link from a number."""
    return {"title": title, "url": url, "targetBlank": not url.startswith("/d/")}


def stat(
    title: str,
    description: str,
    *queries: Query,
    look: Look,
    graph: bool = True,
    shows: str = "auto",
    nothing: str = "no data",
) -> Panel:
    """One number, or one for each name."""
    options = {
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": shows,
        "wideLayout": True,
    }
    targets = [_target(*each, instant=not graph) for each in zip(ascii_uppercase, queries, strict=False)]
    defaults = {"color": {"mode": "thresholds"}, "noValue": nothing} | look.options
    return Panel(_panel("stat", title, description, defaults=defaults, options=options, targets=targets), 6, 5)


def lines(
    title: str,
    description: str,
    *queries: Query,
    look: Look,
    at_least: float = 1,
    axis: str = "",
    many: bool = False,
) -> Panel:
    """Lines over time from 0 up to ``at_least``; where there are many, their names are a table."""
    custom = {
        "axisLabel": axis,
        "axisSoftMax": at_least,
        "drawStyle": "line",
        "fillOpacity": 0 if many else 8,
        "lineInterpolation": "linear",
        "lineWidth": 2,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "none"},
    }
    options = {
        "legend": {
            "calcs": ["lastNotNull", "max"] if many else ["lastNotNull"],
            "displayMode": "table" if many else "list",
            "placement": "bottom",
            "showLegend": True,
        }
        | ({"sortBy": "Last *", "sortDesc": True} if many else {}),
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    targets = [_target(*each, instant=False) for each in zip(ascii_uppercase, queries, strict=False)]
    defaults = {"color": {"mode": "palette-classic"}, "min": 0, "custom": custom} | look.options
    return Panel(_panel("timeseries", title, description, defaults=defaults, options=options, targets=targets), 12, 8)


def bars(title: str, description: str, query: Query, *, look: Look) -> Panel:
    """A bar for each name."""
    options = {
        "displayMode": "basic",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "maxVizHeight": 300,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "text": {"titleSize": 14, "valueSize": 14},
        "valueMode": "text",
    }
    defaults = {"color": {"mode": "fixed", "fixedColor": "blue"}, "min": 0, "noValue": "no data"} | look.options
    return Panel(
        _panel(
            "bargauge",
            title,
            description,
            defaults=defaults,
            options=options,
            targets=[_target("A", query, instant=True)],
        ),
        12,
        8,
    )


def table(
    title: str,
    description: str,
    names: Mapping[str, int],
    columns: Sequence[Column],
    *,
    by: str,
    links: Mapping[str, Sequence[Json]] | None = None,
    descending: bool = True,
    nothing: str = DASH,
) -> Panel:
    """A line for each combination of the labels ``names`` (with their widths), sorted ``by`` a column."""
    values = [f"Value #{letter}" for letter, _ in zip(ascii_uppercase, columns, strict=False)]
    if len(columns) == 1:
        values = ["Value"]
    order = {"Time": True}
    organized = {
        "excludeByName": order,
        "indexByName": {name: index for index, name in enumerate([*names, *values])},
        "renameByName": {value: column.title for value, column in zip(values, columns, strict=True)},
    }
    overrides = [
        _column(name, {"custom.width": width, "custom.filterable": True}, (links or {}).get(name, ()))
        for name, width in names.items()
    ]
    overrides += [_column(each.title, _cell(each), each.look.links) for each in columns]
    targets = [
        _target(letter, Query(column.expression), instant=True) | {"format": "table"}
        for letter, column in zip(ascii_uppercase, columns, strict=False)
    ]
    transformations = [{"id": "merge", "options": {}}, {"id": "organize", "options": organized}]
    content = _table(title, description, targets, overrides, by=by, descending=descending, nothing=nothing)
    return Panel(content | {"transformations": transformations}, 24, 9)


def events(title: str, description: str, sql: str, overrides: Mapping[str, Look], *, by: str) -> Panel:
    """What a database is asked for, newest first."""
    target = {"editorMode": "code", "refId": "A", "format": "table", "rawQuery": True, "rawSql": sql}
    looks = [_column(name, _cell(Column(name, "", look, 0)), look.links) for name, look in overrides.items()]
    return Panel(_table(title, description, [target], looks, by=by, descending=True, nothing=DASH), 24, 12)


def note(title: str, description: str, markdown: str) -> Panel:
    """A text."""
    options = {
        "code": {"language": "plaintext", "showLineNumbers": False, "showMiniMap": False},
        "content": markdown,
        "mode": "markdown",
    }
    content = _panel("text", title, description, defaults={}, options=options, targets=[])
    del content["targets"]
    return Panel(content, 8, 8)


def _panel(kind: str, title: str, description: str, *, defaults: Json, options: Json, targets: Sequence[Json]) -> Json:
    plain = {"mappings": [UNKNOWN], "thresholds": _thresholds({})}
    return {
        "description": description,
        "fieldConfig": {"defaults": plain | defaults, "overrides": []},
        "options": options,
        "targets": list(targets),
        "title": title,
        "type": kind,
    }


def _table(
    title: str,
    description: str,
    targets: Sequence[Json],
    overrides: list[Json],
    *,
    by: str,
    descending: bool,
    nothing: str,
) -> Json:
    cells = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False}
    defaults = {"color": {"mode": "thresholds"}, "noValue": nothing, "custom": cells}
    options = {"cellHeight": "sm", "showHeader": True, "sortBy": [{"desc": descending, "displayName": by}]}
    content = _panel("table", title, description, defaults=defaults, options=options, targets=targets)
    content["fieldConfig"]["overrides"] = overrides
    return content


def _cell(column: Column) -> Json:
    look = column.look
    found = look.options | ({"custom.width": column.width} if column.width else {})
    found.pop("links", None)
    if look.texts:
        unknown = {"text": DASH, "color": "transparent", "index": 99}
        found["mappings"][-1] = {"type": "special", "options": {"match": "null+nan", "result": unknown}}
        found["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    elif look.colours:
        found["custom.cellOptions"] = {"type": "color-text"}
    return found


def _column(name: str, properties: Json, links: Sequence[Json]) -> Json:
    found = [{"id": key, "value": value} for key, value in properties.items()]
    if links:
        found.append({"id": "links", "value": list(links)})
    return {"matcher": {"id": "byName", "options": name}, "properties": found}


def _thresholds(colours: Mapping[float, str]) -> Json:
    steps = [
        {"color": "text", "value": None},
        *({"color": colour, "value": value} for value, colour in colours.items()),
    ]
    return {"mode": "absolute", "steps": steps}


def _target(letter: str, query: Query, *, instant: bool) -> Json:
    target: Json = {"editorMode": "code", "refId": letter, "expr": query.expression}
    if query.legend:
        target["legendFormat"] = query.legend
    return target | {"instant" if instant else "range": True}
