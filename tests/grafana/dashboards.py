"""The shipped dashboards, and what Grafana would send to Prometheus for them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[2] / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))

CHOICES: Mapping[str, str] = {
    "tier": "production",
    "environment": "production",
    "team": "platform",
    "group": "foundations",
    "service": "notifications",
    "window": "30d",
    "statistic": "median",
    "sample": "3",
    "exporter_url": "http://127.0.0.1:3672",
    "datasource": "prometheus",
    "job": ".+",
    "instance": ".+",
    "__rate_interval": "20s",
}
"""What a person has chosen in the variables."""

_OF_ONE_DASHBOARD: Mapping[str, Mapping[str, str]] = {"overview": {"team": ".*"}}
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True)
class Query:
    """A question to Prometheus, and where it stands."""

    place: str
    expression: str
    asked: str = ""
    """As it stands in the dashboard."""


def load(file: Path) -> dict[str, Any]:
    """A dashboard."""
    dashboard: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels, without the headings of rows."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def queries(file: Path, *, panels_only: bool = False) -> Iterator[Query]:
    """Every PromQL expression of a dashboard, with the chosen values of its variables."""
    dashboard = load(file)
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            if "expr" in target:
                place = f"{file.name}: {panel['title']}: {target['refId']}"
                yield Query(place, interpolated(target["expr"], file))
    for annotation in () if panels_only else dashboard["annotations"]["list"]:
        if "expr" in annotation.get("target", {}):
            yield Query(f"{file.name}: {annotation['name']}", interpolated(annotation["target"]["expr"], file))


def statements() -> Iterator[Query]:
    """Every SQL statement of the dashboards, with the chosen values of its variables, as Grafana would send it."""
    for file in FILES:
        dashboard = load(file)
        for panel in panels(dashboard):
            for target in panel.get("targets", ()):
                if "rawSql" in target:
                    place = f"{file.name}: {panel['title']}: {target['refId']}"
                    yield Query(place, _as_sql(target["rawSql"]), target["rawSql"])
        for annotation in dashboard["annotations"]["list"]:
            if "rawSql" in annotation.get("target", {}):
                yield Query(f"{file.name}: {annotation['name']}", _as_sql(annotation["target"]["rawSql"]))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query" and isinstance(variable["query"], str):
                yield Query(f"{file.name}: {variable['name']}", _as_sql(variable["query"]))


def label_queries(file: Path) -> Iterator[tuple[str, str]]:
    """For each variable that Prometheus is asked for: the selector, and the label whose values are wanted."""
    for variable in load(file)["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == "prometheus":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            if asked is not None:
                yield interpolated(asked[1], file), asked[2]


def result_queries(file: Path) -> Iterator[tuple[str, re.Pattern[str]]]:
    """For each variable that is what an expression finds: the expression, and what of its series is taken."""
    for variable in load(file)["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == "prometheus":
            asked = re.fullmatch(r"query_result\((.+)\)", variable["query"]["query"])
            if asked is not None:
                yield interpolated(asked[1], file), re.compile(variable["regex"].strip("/"))


def variables_in(text: str) -> set[str]:
    """The names of the variables that a text uses, without Grafana's own."""
    names = {match[1] or match[2] for match in _VARIABLE.finditer(text)}
    return {name for name in names if not name.startswith("__")}


def _as_sql(text: str) -> str:
    text = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN now() - interval '7 days' AND now()", text)
    return re.sub(r"\$\{(\w+):sqlstring\}", lambda match: f"'{CHOICES[match[1]]}'", text)


def interpolated(text: str, file: Path) -> str:
    """A text of a dashboard with the chosen values in place of its variables."""
    choices = {**CHOICES, **_OF_ONE_DASHBOARD.get(file.stem, {})}
    return _VARIABLE.sub(lambda match: choices[match[1] or match[2]], text)
