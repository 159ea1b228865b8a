"""A real PgBouncer that hands each transaction to whichever connection is free."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.process import Process
from tests.e2e.programs import program
from tests.storage.postgresql.cluster import PASSWORD, ROLE, Cluster
from tests.storage.postgresql.servers import LOOPBACK, as_server, free_port, give, server_folder

_CONFIGURATION = """\
[databases]
* = host={host} port={server_port}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 100
"""


@contextmanager
def pgbouncer(behind: Cluster, *, connections: int = 2) -> Iterator[int]:
    """Starts it in front of a cluster, and gives its port; so few connections that clients have to share them."""
    with server_folder() as folder:
        users = _given(folder / "users.txt", f'"{ROLE}" "{PASSWORD}"\n')
        port = free_port()
        text = _CONFIGURATION.format(
            host=LOOPBACK, server_port=behind.port, port=port, users=users, connections=connections
        )
        configuration = _given(folder / "pgbouncer.ini", text)
        with Process(as_server(_pgbouncer(), str(configuration))) as process:
            process.wait_for_log("process up")
            yield port


def _given(path: Path, text: str) -> Path:
    path.write_text(text)
    give(path)
    return path


def _pgbouncer() -> str:
    """Debian keeps it where only root looks."""
    found = Path("/usr/sbin/pgbouncer")
    return str(found) if found.exists() else program("pgbouncer")
