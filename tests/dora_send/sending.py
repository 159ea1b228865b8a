"""The command as a process of its own, told nothing by the variables of this one."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cli.calling import Ended
from tests.docs.manual import ROOT
from tests.e2e.daemon import RunningDaemon

SOURCE = ROOT / "src"
PACKAGE = SOURCE / "dora_send"
SECONDS = 60


def environment(**variables: str) -> dict[str, str]:
    """What a process needs to run at all, and these variables."""
    passed = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
    return {**passed, "PYTHONPATH": str(SOURCE), "no_proxy": "", **variables}


def send(
    *arguments: str, folder: Path, variables: Mapping[str, str] | None = None, program: Sequence[str] = ()
) -> Ended:
    """Runs it to its end in a folder."""
    ended = subprocess.run(
        [*(program or (sys.executable, "-m", "dora_send")), *arguments],
        cwd=folder,
        env=environment(**(variables or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=SECONDS,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def listed(daemon: RunningDaemon, service: str, kind: str = "deployment", key: str = "none") -> list[dict[str, Any]]:
    """The events of a service that the daemon holds, the oldest first."""
    name = "services" if kind == "failure" else "service"
    asked = {"query": f'{name}:"{service}"', "sort": "started_at", "limit": 1000}
    body = json.dumps({"data": {"type": f"dora_{kind}s_list_request", "attributes": asked}}).encode()
    answer = daemon.request("POST", f"/api/v2/dora/{kind}s", body, {"DD-API-KEY": key})
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def last(daemon: RunningDaemon, service: str) -> dict[str, Any]:
    """The attributes of the latest deployment of a service, with its commits."""
    event_id = listed(daemon, service)[-1]["id"]
    attributes: dict[str, Any] = daemon.get(f"/api/v2/dora/deployments/{event_id}").json()["data"]["attributes"]
    return attributes
