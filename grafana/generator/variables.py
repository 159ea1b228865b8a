"""The variables at the top of the dashboards."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
_PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
_ALL: Json = {"selected": False, "text": ["All"], "value": ["$__all"]}


def source(name: str, plugin: str, description: str, *, hidden: bool = False, label: str = "Data source") -> Json:
    """An instance of a data source's plugin."""
    nothing = {"selected": False, "text": "", "value": ""}
    return _variable(name, label, description, type="datasource", query=plugin, current=nothing, refresh=1) | {
        "hide": 2 if hidden else 0
    }


def labels(name: str, label: str, description: str, asked: str, **more: object) -> Json:
    """What Prometheus knows: ``label_values(...)`` in the order of the alphabet."""
    return _query(name, label, description, f"label_values({asked})", sort=1, **more)


def several(everything: str = "") -> Json:
    """What makes a variable take several values, all of them by default; ``everything`` is a pattern for all."""
    choice: Json = {"multi": True, "includeAll": True, "current": _ALL}
    return choice | ({"allValue": everything} if everything else {})


def _query(name: str, label: str, description: str, asked: str, **more: object) -> Json:
    settings: Json = {
        "type": "query",
        "datasource": _PROMETHEUS,
        "query": {"qryType": 1 if asked.startswith("label_values") else 3, "query": asked, "refId": f"variable-{name}"},
        "current": {"selected": False, "text": "", "value": ""},
        "refresh": 2,
        "regex": "",
    }
    return _variable(name, label, description, **(settings | more))


def choice(name: str, label: str, description: str, values: Sequence[str], chosen: str) -> Json:
    """One of a few values."""
    options = [{"selected": value == chosen, "text": value, "value": value} for value in values]
    current = {"selected": True, "text": chosen, "value": chosen}
    return _variable(name, label, description, type="custom", query=",".join(values), options=options, current=current)


def _variable(name: str, label: str, description: str, **more: object) -> Json:
    usual: Json = {"hide": 0, "includeAll": False, "multi": False, "options": []}
    return usual | {"name": name, "label": label, "description": description} | more


DATASOURCE = source("datasource", "prometheus", "The Prometheus that scrapes dora-exporter with honor_labels: true.")
DATABASE = source(
    "database",
    "grafana-postgresql-datasource",
    "The database of replicas on PostgreSQL, for annotations; none is needed.",
    hidden=True,
    label="Database",
)
JSON_SOURCE = source(
    "json",
    "yesoreyeram-infinity-datasource",
    "The plugin Infinity, for annotations from the exporter's JSON; none is needed.",
    hidden=True,
    label="JSON",
)
EXPORTER_URL = _variable(
    "exporter_url",
    "Exporter",
    "Where people reach the pages of dora-exporter: links lead there.",
    type="textbox",
    query="http://127.0.0.1:3672",
    current={"selected": True, "text": "http://127.0.0.1:3672", "value": "http://127.0.0.1:3672"},
    options=[{"selected": True, "text": "http://127.0.0.1:3672", "value": "http://127.0.0.1:3672"}],
)
TIER = labels(
    "tier",
    "Tier",
    "Production, unless others are chosen.",
    "dora_environment_info, tier",
    multi=True,
    includeAll=True,
    allValue=".+",
    current={"selected": False, "text": ["production"], "value": ["production"]},
)
ENVIRONMENTS = labels(
    "environment",
    "Environment",
    "Some environments of the tier, or all.",
    'dora_environment_info{tier=~"$tier"}, environment',
    **several(),
)
ENVIRONMENT = labels(
    "environment",
    "Environment",
    "Where it is deployed to.",
    'dora_environment_info{tier=~"$tier"}, environment',
)
TEAMS = labels("team", "Team", "Some teams, or all.", "dora_service_info, team", **several(".*"))
TEAM = labels("team", "Team", "One team.", 'dora_team_deployments{environment="$environment"}, team')
GROUP = labels(
    "group",
    "Group",
    "One group, where groups are configured.",
    'dora_group_deployments{environment="$environment"}, group',
)
SERVICE = labels("service", "Service", "One service.", 'dora_deployments{environment="$environment"}, service')
WINDOW = _query(
    "window",
    "Window",
    "How far back the numbers look, as the daemon is configured: the shortest first.",
    "query_result(sort(max by (window) (dora_deployments / (dora_deployment_frequency_per_day > 0))))",
    sort=0,
    regex='/window="([^"]+)"/',
    current={"selected": False, "text": "30d", "value": "30d"},
)
"""Prometheus sorts by the length in days, and Grafana leaves the order as it is."""
STATISTIC = choice(
    "statistic", "Statistic", "Of lead times, times to restore and recovery times.", ("median", "mean", "p90"), "median"
)
SAMPLE = choice(
    "sample", "Smallest sample", "Rates and times over less than this are not shown.", ("1", "3", "5", "10", "20"), "3"
)


def of_one(chosen: Json) -> list[Json]:
    """Those of the dashboard of one service, team or group, which is chosen by a variable."""
    return [DATASOURCE, TIER, ENVIRONMENT, chosen, WINDOW, STATISTIC, SAMPLE, EXPORTER_URL]
