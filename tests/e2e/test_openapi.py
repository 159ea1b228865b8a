"""The daemon keeps what its own description promises, whatever schemathesis sends."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.e2e.daemon import RunningDaemon
from tests.e2e.programs import program

pytestmark = pytest.mark.e2e

NOT_CHECKED = (
    "unsupported_method",  # under /api/ a wrong method is 400: clients retry a 405 and then report success
    "positive_data_acceptance",  # some rules no schema can say: finished before started, older than the retention
)


def test_schemathesis_finds_no_failure(running: RunningDaemon, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(program("schemathesis"), "run", f"{running.url}/openapi.json"),
            *("--exclude-checks", ",".join(NOT_CHECKED)),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "20")),
            *("--seed", "1"),
        ],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert running.process.is_running
    assert "Traceback" not in running.process.text
