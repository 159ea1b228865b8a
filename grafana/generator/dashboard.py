"""What makes a dashboard of rows of panels: where each stands, variables, annotations and links."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grafana.generator.panels import Panel

Json = dict[str, Any]
GRID_WIDTH = 24


@dataclass(frozen=True)
class Row:
    """Panels under a heading, from left to right, and in further lines where they do not fit into one."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Dashboard:
    """All that makes one dashboard. The first variable is the data source."""

    name: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Json]
    annotations: Sequence[Json] = ()
    links: Sequence[Json] = ()
    since: str = "now-30d"
    refresh: str = "1m"


def text(dashboard: Dashboard) -> str:
    """The file that Grafana imports."""
    document = {
        "annotations": {"list": [_GRAFANAS_OWN, *dashboard.annotations]},
        "description": dashboard.description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [_others(carries_variables=dashboard.variables[0]["name"] == "datasource"), *dashboard.links],
        "panels": list(_placed(dashboard.rows, dashboard.variables[0])),
        "preload": False,
        "refresh": dashboard.refresh,
        "schemaVersion": 42,
        "tags": ["dora"],
        "templating": {"list": list(dashboard.variables)},
        "time": {"from": dashboard.since, "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": f"DORA / {dashboard.name}",
        "uid": f"dora-{dashboard.name.lower()}",
        "version": 1,
        "weekStart": "",
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def link(title: str, url: str) -> Json:
    """A link at the top of a dashboard that leads out of Grafana."""
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "targetBlank": True,
        "title": title,
        "tooltip": "In the pages of dora-exporter",
        "type": "link",
        "url": url,
    }


def _placed(rows: Sequence[Row], source: Json) -> Iterator[Json]:
    """Every heading and panel with a place and an id of its own."""
    number, top = 1, 0
    chosen = {"type": source["query"], "uid": f"${{{source['name']}}}"}
    for row in rows:
        yield {
            "collapsed": False,
            "gridPos": {"h": 1, "w": GRID_WIDTH, "x": 0, "y": top},
            "id": number,
            "panels": [],
            "title": row.title,
            "type": "row",
        }
        number, top, left, height = number + 1, top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > GRID_WIDTH:
                top, left, height = top + height, 0, 0
            place = {"h": panel.height, "w": panel.width, "x": left, "y": top}
            yield panel.content | _with_source(panel, chosen) | {"gridPos": place, "id": number}
            number, left, height = number + 1, left + panel.width, max(height, panel.height)
        top += height


def _with_source(panel: Panel, chosen: Json) -> Json:
    if "targets" not in panel.content:
        return {}
    return {"datasource": chosen, "targets": [{"datasource": chosen} | each for each in panel.content["targets"]]}


def _others(*, carries_variables: bool) -> Json:
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": carries_variables,
        "keepTime": True,
        "tags": ["dora"],
        "targetBlank": False,
        "title": "DORA",
        "tooltip": "The other dashboards of dora-exporter",
        "type": "dashboards",
        "url": "",
    }


_GRAFANAS_OWN = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}
