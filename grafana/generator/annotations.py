"""Deployments and incidents as marks on the graphs of a service or a team.

Prometheus knows the last deployment of each step, and when an incident was open; this is on by default, because it
needs nothing else. Each event with its version and name is in the database of replicas on PostgreSQL, and in the
exporter's JSON, which the plugin Infinity reads: both are switched on at the top of a dashboard.
"""

from typing import Any

Json = dict[str, Any]
_PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
_DATABASE = {"type": "grafana-postgresql-datasource", "uid": "${database}"}
_INFINITY = {"type": "yesoreyeram-infinity-datasource", "uid": "${json}"}
_BLUE, _RED = "blue", "red"


def from_prometheus(selector: str, of: str = "") -> list[Json]:
    """Marks of the series that a selector finds; ``of`` narrows these down."""
    last = f"max by (service, environment) (dora_last_deployment_timestamp_seconds{{{selector}}})"
    opened = f"max by (service, environment) (dora_open_incidents{{{selector}}})"
    return [
        _prometheus("Deployments", _BLUE, f"({last}{of}) * 1000", "Deployment of {{service}}", moment=True),
        _prometheus("Incidents", _RED, f"({opened}{of}) > 0", "Incident of {{service}}", moment=False),
    ]


def from_database(condition: str) -> list[Json]:
    """Each event of the views of the shared log for which a condition holds."""
    return [
        _database(
            "Deployments (PostgreSQL)",
            _BLUE,
            "SELECT finished_at AS time, concat_ws(' ', service, version) AS text, environment AS tags\n"
            f"FROM dora.deployments WHERE $__timeFilter(finished_at) AND {condition}",
        ),
        _database(
            "Incidents (PostgreSQL)",
            _RED,
            "SELECT started_at AS time, coalesce(finished_at, now()) AS timeend,\n"
            "  concat_ws(': ', service, name) AS text, environment AS tags\n"
            f"FROM dora.incidents WHERE $__timeFilter(started_at) AND {condition}",
        ),
    ]


def from_json(asked: str) -> list[Json]:
    """Each event behind the number of deployments or of incidents in the chosen window."""
    return [
        _json(
            "Deployments (JSON)",
            _BLUE,
            f"{asked}&metric=dora_deployments",
            events="deployments",
            time="finished_at",
            text="version",
        ),
        _json(
            "Incidents (JSON)",
            _RED,
            f"{asked}&metric=dora_incidents",
            events="incidents",
            time="started_at",
            text="name",
        ),
    ]


def _mark(name: str, colour: str, source: Json, *, enabled: bool) -> Json:
    return {"datasource": source, "enable": enabled, "hide": False, "iconColor": colour, "name": name}


def _prometheus(name: str, colour: str, expression: str, title: str, *, moment: bool) -> Json:
    return _mark(name, colour, _PROMETHEUS, enabled=True) | {
        "target": {"expr": expression, "interval": "", "refId": name},
        "titleFormat": title,
        "textFormat": "{{environment}}",
        "tagKeys": "",
        "useValueForTime": moment,
    }


def _database(name: str, colour: str, sql: str) -> Json:
    target = {"editorMode": "code", "format": "table", "rawQuery": True, "rawSql": sql, "refId": name}
    return _mark(name, colour, _DATABASE, enabled=False) | {"target": target}


def _json(name: str, colour: str, url: str, *, events: str, time: str, text: str) -> Json:
    columns = [
        {"selector": time, "text": "time", "type": "timestamp"},
        {"selector": text, "text": "text", "type": "string"},
    ]
    if events == "incidents":
        columns.append({"selector": "finished_at", "text": "timeEnd", "type": "timestamp"})
    target = {
        "columns": columns,
        "format": "table",
        "parser": "backend",
        "refId": name,
        "root_selector": events,
        "source": "url",
        "type": "json",
        "url": url,
        "url_options": {"method": "GET", "data": ""},
    }
    return _mark(name, colour, _INFINITY, enabled=False) | {"target": target}
