"""A real PostgreSQL with a life: it is started, stopped and killed, and makes databases."""

import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlencode

import trustme
from tests.e2e.process import Process
from tests.e2e.programs import program
from tests.storage.postgresql.servers import LOOPBACK, as_server, free_port, give, server_folder
from tests.web.security.certificates import issue

SUPERUSER = "postgres"
ROLE = "exporter"
PASSWORD = "a-password/with@signs:in?it"
"""Needs escaping wherever it stands in a URL."""

Mode = Literal["smart", "fast", "immediate"]
_SIGNALS: Mapping[Mode, int] = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_SECONDS = 60


@dataclass(frozen=True)
class Database:
    """A database of a cluster, and as whom to enter it."""

    cluster: "Cluster"
    name: str
    user: str = ROLE
    password: str = PASSWORD

    def url(self, *, port: int | None = None, **options: str) -> str:
        """Where a client finds it, through a proxy's port where one is given."""
        login = f"{self.user}:{_escaped(self.password)}"
        options = {"sslmode": "disable", **options} if self.cluster.authority is None else options
        return f"postgresql://{login}@{LOOPBACK}:{port or self.cluster.port}/{self.name}?{urlencode(options)}"

    def sql(self, statements: str) -> list[str]:
        """Runs statements as the superuser, and gives the rows of the last one, columns parted by ``|``."""
        return self.cluster.sql(statements, database=self.name)

    def as_user(self, user: str, password: str = PASSWORD) -> "Database":
        """The same, for somebody else."""
        return replace(self, user=user, password=password)


@dataclass
class Cluster:
    """A cluster in a folder of its own. TCP wants passwords, and TLS where it has an authority."""

    folder: Path
    port: int = field(default_factory=free_port)
    authority: trustme.CA | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    _process: Process | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def create(self) -> Self:
        """Makes its files and an unprivileged role; leaves it running."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        give(password)
        initdb = (postgresql_program("initdb"), "--username", SUPERUSER, "--pwfile", str(password), "--no-sync")
        how = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256")
        command = as_server(*initdb, *how, "--pgdata", str(self._data))
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS, cwd=self.folder)
        if self.authority is not None:
            self._use_tls(self.authority)
        self.start()
        self.create_role(ROLE)
        return self

    def start(self) -> None:
        """Returns once it takes connections."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "lc_messages": "C",
            **self.options,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = as_server(postgresql_program("postgres"), "-D", str(self._data), *flags)
        self._process = Process(command)
        self._process.wait_for_log("database system is ready to accept connections", seconds=_SECONDS)

    def stop(self, mode: Mode = "fast") -> None:
        """Ends it: when its clients have left, by cutting them, or as a crash that it has to recover from."""
        if self._process is not None:
            self._process.signal(_SIGNALS[mode])
            self._process.wait(seconds=_SECONDS)
            self._process = None

    def restart(self, mode: Mode = "fast") -> None:
        """Another life on the same files and port."""
        self.stop(mode)
        self.start()

    def create_database(self, *, owner: str = ROLE) -> Database:
        """An empty database that belongs to an unprivileged role."""
        database = Database(self, f"events_{next(self._numbers)}", owner)
        self.sql(f"CREATE DATABASE {database.name} OWNER {owner}")
        return database

    def create_role(self, name: str) -> None:
        """Somebody with a password and no rights."""
        self.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")

    def sql(self, statements: str, *, database: str = "postgres") -> list[str]:
        """Runs statements as the superuser, and gives the rows of the last one, columns parted by ``|``."""
        where = ("--host", str(self.folder), "--port", str(self.port), "--username", SUPERUSER, "--dbname", database)
        how = ("--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1")
        command = [postgresql_program("psql"), *where, *how, "--command", statements]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.splitlines()

    @property
    def pid(self) -> int:
        """The process id of its present life."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that its present life has logged."""
        return self._process.text if self._process else ""

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _use_tls(self, authority: trustme.CA) -> None:
        """Refuses whoever comes over TCP without TLS."""
        issue(authority, self._data)
        for name in ("server.crt", "server.key"):
            give(self._data / name)
        give(self._data)
        (self._data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        self.options = {**self.options, "ssl": "on"}


@contextmanager
def cluster(*, authority: trustme.CA | None = None, **options: str) -> Iterator[Cluster]:
    """Makes a cluster and starts it; at the end nothing of it is left. The options are server settings."""
    postgresql_program("postgres")
    with server_folder() as folder:
        made = Cluster(folder, authority=authority, options=options)
        try:
            yield made.create()
        finally:
            made.stop("immediate")


def postgresql_program(name: str) -> str:
    """A program of PostgreSQL, which Debian keeps off the search path, one folder for each version."""
    newest = max(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version, default=None)
    return str(newest) if newest else shutil.which(name) or program(name)


def _version(path: Path) -> int:
    return int(path.parent.parent.name)


def _escaped(password: str) -> str:
    return urlencode({"": password})[1:]
