"""Events as clients send them to a replica."""

from tests.e2e.daemon import Answer, RunningDaemon, event_body

from dora_exporter.runtime.clock import system_clock

ENVIRONMENT = "production"
HOUR_MS = 3_600_000


def a_deployment(name: str, **changes: object) -> dict[str, object]:
    """A deployment that finished an hour ago, whose id and version follow from its name."""
    finished_at = system_clock() - HOUR_MS
    return {
        "id": f"a-deployment-named-{name}",
        "service": "checkout",
        "env": ENVIRONMENT,
        "version": name,
        "started_at": finished_at - 60_000,
        "finished_at": finished_at,
        **changes,
    }


def post(daemon: RunningDaemon, name: str, **changes: object) -> Answer:
    """Sends such a deployment."""
    return daemon.request("POST", "/api/v2/dora/deployment", event_body(**a_deployment(name, **changes)))


def count(daemon: RunningDaemon, service: str = "checkout", environment: str = ENVIRONMENT) -> float:
    """How many deployments of a service the daemon counts."""
    return daemon.sample("dora_deployments", service=service, environment=environment, window="7d") or 0
