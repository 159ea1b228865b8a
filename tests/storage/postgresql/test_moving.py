"""From the snapshot file into the database and back: nothing is lost, cursors and verdicts included."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.calling import Ended, call, state, store_of
from tests.e2e.daemon import Daemon
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.events import post
from tests.storage.postgresql.pagerduty import Account, an_account
from tests.storage.postgresql.replicas import Replica, replicas
from tests.storage.postgresql.waiting import until

pytestmark = pytest.mark.e2e

VERDICT = {"type": "dora_deployment_patch_request", "attributes": {"change_failure": True}}


@pytest.fixture
def account() -> Iterator[Account]:
    with an_account() as started:
        yield started


def live(replica: Replica, account: Account) -> None:
    """Something of everything: events, a verdict, a deletion, incidents of a source with its cursor."""
    daemon = replica.running
    for number in range(6):
        commits = [{"sha": f"{number:040x}", "timestamp": 1_750_000_000 + number}]
        post(daemon, f"number-{number}", service=f"service-{number % 2}", team="crew", commits=commits)
    path = "/api/v2/dora/deployments/a-deployment-named-number-"
    judged = {"data": {"id": "a-deployment-named-number-1", **VERDICT}}
    assert daemon.request("PATCH", f"{path}1", json.dumps(judged).encode()).status == 202
    assert daemon.request("DELETE", f"{path.replace('deployments', 'deployment')}2").status == 202
    for _ in range(3):
        account.trigger()
    until(lambda: replica.number("dora_incidents", service="pcheck", environment="production", window="7d") == 3)


def succeeded(ended: Ended) -> None:
    assert (ended.code, ended.errors) == (0, ""), ended


def test_from_a_file_into_a_database_and_back(folder: Path, database: Database, account: Account) -> None:
    (folder / "file").mkdir()
    kept = Replica(Daemon(folder / "file", account.settings))
    kept.start()
    try:
        live(kept, account)
        before = kept.exposition()
    finally:
        assert kept.stop() == 0
    first = kept.daemon.snapshot
    (folder / "database.yaml").write_text(json.dumps({"store": {"url": database.url()}}))

    succeeded(call("export", f"--snapshot.path={first}", "--output=moving", folder=folder))
    succeeded(call("import", "moving", "--config.file=database.yaml", folder=folder))
    asked = account.requests()
    with replicas(folder, database, [database.url()] * 2, account.settings) as fleet:
        until(lambda: account.requests() > asked)
        assert fleet[0].exposition() == fleet[1].exposition() == before
        rows = database.sql("SELECT count(*) FROM dora.log WHERE about = 'incident'")
        assert rows == ["3"], "the cursor came along, so nothing was read again as if it were new"

    succeeded(call("export", "--config.file=database.yaml", "--output=back", folder=folder))
    succeeded(call("import", "back", "--snapshot.path=second", folder=folder))
    there, here = store_of(folder / "second"), store_of(first)
    assert "pagerduty" in there.cursors
    assert there.cursors.keys() == here.cursors.keys()
    assert state(there)[:2] == state(here)[:2]
    assert state(there)[3:] == state(here)[3:]


def test_an_export_can_be_taken_while_replicas_write(folder: Path, database: Database) -> None:
    (folder / "database.yaml").write_text(json.dumps({"store": {"url": database.url()}}))
    with replicas(folder, database, [database.url()]) as (only,):
        post(only.running, "one")
        succeeded(call("export", "--config.file=database.yaml", "--output=backup", folder=folder))
        assert list(store_of(folder / "backup").deployments) == ["a-deployment-named-one"]
        ended = call("import", "backup", "--config.file=database.yaml", folder=folder)
        assert ended.output.startswith("0 created, 0 updated, 1 unchanged")


def test_the_password_is_not_in_what_a_command_says(folder: Path, database: Database) -> None:
    (folder / "database.yaml").write_text(json.dumps({"store": {"url": database.as_user("nobody", "secret").url()}}))
    ended = call("export", "--config.file=database.yaml", folder=folder)
    assert (ended.code, ended.output) == (1, "")
    assert "secret" not in ended.errors
    assert len(ended.errors.splitlines()) == 1
