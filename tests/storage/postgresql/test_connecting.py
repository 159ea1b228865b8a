"""The ways to the database that the URL can name, and that its password is shown nowhere."""

import asyncio
import http.client
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.storage.postgresql.cluster import PASSWORD, ROLE, Cluster, Database, cluster
from tests.storage.postgresql.events import count, post
from tests.storage.postgresql.proxy import Proxy
from tests.storage.postgresql.waiting import until

from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.errors import DatabaseError
from dora_exporter.storage.postgresql.url import from_file

pytestmark = pytest.mark.e2e

PAGES = ("/", "/metrics", "/sources", "/openapi.json", "/-/healthy", "/-/ready", "/api/v1/validate", "/nowhere")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(authority: trustme.CA) -> Iterator[Cluster]:
    with cluster(authority=authority) as started:
        yield started


def takes_and_counts(daemon: RunningDaemon) -> bool:
    return post(daemon, "one").status == http.client.OK and count(daemon) == 1


def without_password(url: str) -> str:
    return url.replace(f":{quote(PASSWORD, safe='')}@", "@")


def test_tls_is_checked_against_an_authority(folder: Path, secured: Cluster, authority: trustme.CA) -> None:
    with authority.cert_pem.tempfile() as root:
        url = secured.create_database().url(sslmode="verify-full", sslrootcert=root)
        with Daemon(folder, {"store": {"url": url}}).running() as running:
            assert takes_and_counts(running)
            ways = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = "
            assert secured.sql(f"{ways}'{ROLE}'") == ["t"]


def test_tls_is_used_without_being_asked_for(folder: Path, secured: Cluster) -> None:
    with Daemon(folder, {"store": {"url": secured.create_database().url()}}).running() as running:
        assert takes_and_counts(running)


def test_the_password_can_be_in_a_password_file(folder: Path, database: Database) -> None:
    passfile = folder / "pgpass"
    passfile.write_text(f"127.0.0.1:{database.cluster.port}:{database.name}:{ROLE}:{PASSWORD}\n")
    passfile.chmod(0o600)
    url = without_password(database.url(passfile=str(passfile)))
    assert PASSWORD not in url
    with Daemon(folder, {"store": {"url": url}}).running() as running:
        assert takes_and_counts(running)


def test_a_password_in_a_file_may_change_while_it_runs(
    folder: Path, postgresql: Cluster, proxy: Proxy, database: Database
) -> None:
    postgresql.create_role("changing")
    database.sql(f"ALTER DATABASE {database.name} OWNER TO changing")
    file = folder / "database-url"
    file.write_text(database.as_user("changing").url(port=proxy.port) + "\n")
    with Daemon(folder, {"store": {"url_file": str(file)}}).running() as running:
        assert takes_and_counts(running)
        database.sql("ALTER ROLE changing PASSWORD 'another-one'")

        def is_refused_over_a_new_connection() -> bool:
            proxy.cut()
            return post(running, "refused").status == http.client.SERVICE_UNAVAILABLE

        until(is_refused_over_a_new_connection)
        file.write_text(database.as_user("changing", "another-one").url(port=proxy.port))
        until(partial(takes_and_counts, running))
        assert "another-one" not in running.process.text


def test_a_file_with_the_url_that_cannot_be_read_is_one_clear_line(folder: Path, database: Database) -> None:
    file = folder / "database-url"
    file.write_text(database.url())
    for content in (b"\xff\xfe", b"", None):
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        assert "store.url" in first_refusal(database, file)


def first_refusal(database: Database, file: Path) -> str:
    """What a connection says of the file."""

    async def attempt() -> str:
        way = Link(from_file(file), name="test")
        with pytest.raises(DatabaseError) as refusal:
            async with way.transaction():
                pass
        return str(refusal.value)

    said = asyncio.run(attempt())
    assert database.url() not in said
    return said


def test_the_password_is_shown_nowhere(folder: Path, postgresql: Cluster, database: Database, proxy: Proxy) -> None:
    settings = {"store": {"url": database.url(port=proxy.port)}, "log": {"level": "debug"}}
    shown: list[bytes] = []
    with Daemon(folder, settings).running() as running:

        def look() -> None:
            shown.extend(running.get(page).body for page in PAGES)
            shown.append(post(running, "any").body)

        look()
        proxy.cut_after(50)
        until(lambda: "database unavailable" in running.process.text)
        look()
        postgresql.stop()
        try:
            look()
        finally:
            postgresql.start()
        until(partial(takes_or_holds, running))
        assert running.process.stop() == 0
        shown.append(running.process.text.encode())
    text = b"\n".join(shown).decode()
    assert "database" in text
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "a-password"):
        assert secret not in text


def takes_or_holds(daemon: RunningDaemon) -> bool:
    return post(daemon, "any").status == http.client.OK
