"""The commands that copy incidents from Datadog, run between two daemons, of which one answers as Datadog does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.manual import blocks, page
from tests.e2e.daemon import Daemon
from tests.e2e.programs import program

from dora_exporter.runtime.clock import system_clock

KEY = "a-key-of-sixteen"
SECONDS = 60


@pytest.mark.e2e
def test_incidents_are_copied_from_datadog_and_a_second_time_nothing_changes(tmp_path: Path) -> None:
    (commands,) = blocks(page("docs/operations/migration.md").text, "bash")
    jq = str(Path(program("jq")).parent)
    (tmp_path / "api-key").write_text(KEY)
    now = system_clock() // 1000
    there, here = (
        Daemon(_folder(tmp_path, "there"), {"api_keys": [KEY]}),
        Daemon(_folder(tmp_path, "here"), {"api_keys": [KEY]}),
    )
    with there.running() as datadog, here.running() as ours:
        said = {"services": ["shop"], "env": "production", "started_at": now - 90, "severity": "High", "name": "Down"}
        for each in ({**said, "finished_at": now}, {**said, "id": "an-incident-of-ours", "version": "v1"}):
            body = {"data": {"attributes": each}}
            assert (
                datadog.request("POST", "/api/v2/dora/failure", json.dumps(body).encode(), {"DD-API-KEY": KEY}).status
                == 200
            )
        text = commands.text.replace("https://api.datadoghq.com", datadog.url).replace(
            "http://127.0.0.1:3672", ours.url
        )
        text = text.replace('"to": "2027-01-01', '"to": "2099-01-01')  # whenever this runs
        outputs = [_run(text, tmp_path, jq) for _ in range(2)]

        assert outputs == [
            "2 created, 0 updated, 0 unchanged; 0 wrong\n",
            "0 created, 0 updated, 2 unchanged; 0 wrong\n",
        ]
        path = "/api/v2/dora/failures/an-incident-of-ours"
        copies = [each.get(path, **{"DD-API-KEY": KEY}).json()["data"] for each in (datadog, ours)]
        assert copies[0] == copies[1]


def _run(commands: str, folder: Path, jq: str) -> str:
    """What the commands print, of which none may fail."""
    started = f'dora-exporter() {{ "{sys.executable}" -m dora_exporter "$@"; }}\nset -o pipefail\n{commands}'
    environment = {**os.environ, "DD_API_KEY": KEY, "DD_APP_KEY": KEY, "PATH": f"{os.environ['PATH']}{os.pathsep}{jq}"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    ended = subprocess.run(
        [program("bash"), "-ec", started],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def _folder(place: Path, name: str) -> Path:
    (place / name).mkdir()
    return place / name
