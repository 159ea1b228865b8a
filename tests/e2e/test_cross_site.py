"""A daemon as it comes answers this machine, and no page of a stranger's."""

import json
import signal
from pathlib import Path

from tests.e2e.daemon import Daemon, event_body

from dora_exporter.runtime.clock import system_clock

NOW_S = system_clock() // 1000
EVENT = event_body(service="forged", started_at=NOW_S - 60, finished_at=NOW_S - 30)


def test_hosts_and_origins_are_looked_at_where_there_are_no_keys(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, {"web": {"enable_lifecycle": True}})
    with daemon.running() as alive:
        page = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
        for path in (
            "/api/v2/dora/deployment",
            "/api/v2/ci/deployments/correlate-image",
            "/api/v2/webhook",
            "/api/v1/events",
            "/-/reload",
        ):
            assert alive.request("POST", path, EVENT, page).status == 403
        assert alive.get("/", Host="evil.example").status == 403
        assert alive.request("POST", "/api/v2/dora/deployment", EVENT).status in {200, 202}
        assert alive.get("/", Host="dora.example").status == 403
        configuration = {"web": {"enable_lifecycle": True, "allowed_hosts": ["Dora.Example."]}}
        (tmp_path / "config.yaml").write_text(json.dumps(configuration))
        alive.process.signal(signal.SIGHUP)
        alive.process.wait_for_log("configuration reloaded")
        assert alive.get("/", Host="dora.example:80").status == 200
