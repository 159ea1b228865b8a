"""What is wrong with the database is said in one line at the start, without its password, and ends the program."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from tests.cli.calling import Ended, environment
from tests.storage.postgresql.cluster import PASSWORD, ROLE, Cluster, Database, cluster
from tests.storage.postgresql.proxy import Proxy
from tests.storage.postgresql.replicas import replicas
from tests.storage.postgresql.servers import free_port

pytestmark = pytest.mark.e2e

SECONDS = 40
WITHOUT_DRIVER = "import sys; sys.modules['asyncpg'] = None; from dora_exporter.cli import main; sys.exit(main())"


@dataclass
class Started:
    """How an attempt to start ended, and what it said."""

    ended: Ended

    @property
    def reasons(self) -> list[str]:
        """What it says is the matter."""
        return [line for line in self.ended.errors.splitlines() if "level=error" in line or "level=" not in line]


def start(folder: Path, url: str, *, program: tuple[str, ...] = ("-m", "dora_exporter")) -> Started:
    """Starts a daemon that is expected to give up."""
    (folder / "config.yaml").write_text(f"store:\n  url: {url}\nlog:\n  level: debug\n")
    command = [sys.executable, *program, "--config.file=config.yaml", "--web.listen-address=127.0.0.1:0"]
    ended = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, encoding="utf-8", check=False, timeout=SECONDS
    )
    return Started(Ended(ended.returncode, ended.stdout, ended.stderr))


def assert_refused(started: Started, pattern: str) -> None:
    assert started.ended.code == 1, started.ended
    (line,) = started.reasons
    assert re.search(pattern, line), line
    said = started.ended.output + started.ended.errors
    assert PASSWORD not in said
    assert quote(PASSWORD, safe="") not in said
    assert "Traceback" not in said


def test_a_host_that_does_not_exist(folder: Path, database: Database) -> None:
    url = database.url().replace("127.0.0.1", "no-such-host.invalid")
    assert_refused(start(folder, url), "host name is unknown")


def test_a_port_that_nothing_listens_on(folder: Path, database: Database) -> None:
    assert_refused(start(folder, database.url(port=free_port())), "connection refused")


def test_a_server_that_does_not_answer(folder: Path, database: Database, proxy: Proxy) -> None:
    proxy.freeze()
    assert_refused(start(folder, database.url(port=proxy.port)), "does not respond in time")


@pytest.mark.parametrize("user", [ROLE, "nobody_at_all"])
def test_a_wrong_password_or_user(folder: Path, database: Database, user: str) -> None:
    assert_refused(start(folder, database.as_user(user, "wrong-secret").url()), "user or password was rejected")


def test_a_database_that_does_not_exist(folder: Path, database: Database) -> None:
    assert_refused(start(folder, database.url().replace(database.name, "elsewhere")), "the database does not exist")


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "postgresql//u:secret@h", "127.0.0.1:5432", "''"])
def test_a_text_that_is_no_url(folder: Path, url: str) -> None:
    started = start(folder, url)
    assert started.ended.code == 1
    assert "config.yaml" in started.reasons[0]
    assert "store.url" in started.reasons[0]
    assert "secret" not in started.ended.errors


def test_an_option_that_is_none(folder: Path, database: Database) -> None:
    assert_refused(start(folder, database.url(sslmode="always")), r"store\.url")


def test_a_user_who_may_make_no_tables(folder: Path, postgresql: Cluster, database: Database) -> None:
    postgresql.create_role("guest")
    assert_refused(start(folder, database.as_user("guest").url()), r"rights are missing.*GRANT CREATE ON DATABASE")


def test_a_user_who_may_not_write_to_the_tables(folder: Path, postgresql: Cluster, database: Database) -> None:
    postgresql.create_role("reader")
    with running(folder, database):
        pass
    database.sql("GRANT USAGE ON SCHEMA dora TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA dora TO reader")
    assert_refused(
        start(folder, database.as_user("reader").url()), r"rights are missing.*GRANT SELECT, INSERT, UPDATE, DELETE"
    )


def test_a_schema_of_something_else(folder: Path, database: Database) -> None:
    database.sql(f"CREATE SCHEMA dora AUTHORIZATION {ROLE}; CREATE TABLE dora.the_explorer (boots int)")
    assert_refused(start(folder, database.url()), "belongs to another program")
    assert database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'dora'") == ["the_explorer"]


def test_a_schema_of_something_else_with_tables_of_our_names(folder: Path, database: Database) -> None:
    tables = "CREATE TABLE dora.meta (title text); CREATE TABLE dora.head (hair text); GRANT ALL ON ALL TABLES"
    database.sql(f"CREATE SCHEMA dora AUTHORIZATION {ROLE}; {tables} IN SCHEMA dora TO {ROLE}")
    assert_refused(start(folder, database.url()), "cannot be used|belongs to another program")


def test_a_newer_schema(folder: Path, database: Database) -> None:
    with running(folder, database):
        pass
    database.sql("UPDATE dora.meta SET version = 999")
    assert_refused(start(folder, database.url()), r"version 999.*newer")
    assert database.sql("SELECT version FROM dora.meta") == ["999"]


def test_an_old_server(folder: Path, database: Database, proxy: Proxy) -> None:
    """The one that is installed says that it is older than it is."""
    (number,) = database.sql("SELECT current_setting('server_version_num')")
    proxy.rewrite = {number.encode(): b"090624"}
    assert_refused(start(folder, database.url(port=proxy.port)), r"version 9\b.* 12 or newer")


def test_a_database_that_cannot_hold_every_text(folder: Path, postgresql: Cluster, database: Database) -> None:
    made = f"CREATE DATABASE latin OWNER {ROLE} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    postgresql.sql(made)
    assert_refused(start(folder, database.url().replace(database.name, "latin")), "UTF8")


def test_a_missing_driver(folder: Path, database: Database) -> None:
    started = start(folder, database.url(), program=("-c", WITHOUT_DRIVER))
    assert_refused(started, r"pip install 'dora-exporter\[postgresql\]'")


def test_without_a_database_no_driver_is_needed(folder: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-c", WITHOUT_DRIVER, "--config.check"], cwd=folder, env=environment(), check=True, timeout=60
    )
    assert checked.returncode == 0


def test_a_certificate_of_somebody_unknown(folder: Path) -> None:
    with cluster(authority=trustme.CA()) as secured, trustme.CA().cert_pem.tempfile() as stranger:
        url = secured.create_database().url(sslmode="verify-full", sslrootcert=stranger)
        assert_refused(start(folder, url), "certificate is not trusted")


@contextmanager
def running(folder: Path, database: Database) -> Iterator[None]:
    """A daemon that makes the schema."""
    with replicas(folder, database, [database.url()]):
        yield
