"""The dashboard of the events themselves, from the database of replicas on PostgreSQL."""

from grafana.generator import links, units, variables
from grafana.generator.dashboard import Dashboard, Row
from grafana.generator.panels import Look, events

_SOURCE = variables.source(
    "database",
    "grafana-postgresql-datasource",
    "The database of the replicas, entered as a user who may read its views.",
)
_SERVICE = {
    "name": "service",
    "type": "query",
    "label": "Service",
    "description": "Some services, or all.",
    "datasource": {"type": "grafana-postgresql-datasource", "uid": "${database}"},
    "query": "SELECT service FROM dora.deployments UNION SELECT service FROM dora.incidents WHERE service IS NOT NULL "
    "ORDER BY service",
    "current": {"selected": True, "text": "All", "value": "$__all"},
    "hide": 0,
    "includeAll": True,
    "multi": True,
    "options": [],
    "refresh": 2,
    "regex": "",
    "sort": 1,
}
_VERDICTS = {"failed": ("failed", "red"), "did not fail": ("did not fail", "green")}
_LINKED = Look(links=[links.series(links.OF_THE_ROW)])

_DEPLOYMENTS = """\
SELECT finished_at, service, environment, version, team, left(commit_sha, 12) AS commit, source,
  CASE change_failure WHEN true THEN 'failed' WHEN false THEN 'did not fail' END AS verdict
FROM dora.deployments
WHERE $__timeFilter(finished_at) AND service IN (${service:sqlstring})
ORDER BY finished_at DESC
LIMIT 1000"""
_INCIDENTS = """\
SELECT started_at, finished_at, extract(epoch FROM finished_at - started_at)::float8 AS lasted, service, environment,
  name, severity, team, source
FROM dora.incidents
WHERE $__timeFilter(started_at) AND service IN (${service:sqlstring})
ORDER BY started_at DESC
LIMIT 1000"""


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Events",
        "The events themselves, from the database of replicas on PostgreSQL: an example of what its views can do.",
        [
            Row(
                "Deployments",
                [
                    events(
                        "Deployments",
                        "The deployments of the chosen services that finished in the time shown, as they were last "
                        "reported. A verdict is what a person or client said, not what the exporter found out.",
                        _DEPLOYMENTS,
                        {"service": _LINKED, "verdict": Look(texts=_VERDICTS)},
                        by="finished_at",
                    )
                ],
            ),
            Row(
                "Incidents",
                [
                    events(
                        "Incidents",
                        "The incidents of the chosen services that began in the time shown, as they were last "
                        "reported, a line for each service that one names. One that goes on has no end.",
                        _INCIDENTS,
                        {"service": _LINKED, "lasted": Look(units.DURATION, 1)},
                        by="started_at",
                    )
                ],
            ),
        ],
        [_SOURCE, _SERVICE, variables.EXPORTER_URL],
        since="now-7d",
    )
