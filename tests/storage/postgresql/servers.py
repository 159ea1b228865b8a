"""What PostgreSQL and PgBouncer have in common: a free port, a folder, and a user of their own: they refuse root."""

import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.programs import program

LOOPBACK = "127.0.0.1"
_USERS = ("postgres", "nobody")
_RESERVING: list[socket.socket] = []
"""Sockets that are bound and do not listen: whoever names their port can listen on it, also after a restart."""


def as_server(*command: str) -> list[str]:
    """The command as a user that is not root; what it starts keeps the process id."""
    user = _user()
    if user is None:
        return [*command]
    dropped = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return [program("setpriv"), *dropped, *command]


@contextmanager
def server_folder() -> Iterator[Path]:
    """An empty folder that the server's user may enter, unlike those of pytest; it is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="dora-server-"))
    try:
        give(folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def give(path: Path) -> None:
    """Makes the server's user the owner of a file or folder, and nobody else a reader."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    user = _user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def free_port() -> int:
    """A port of loopback that nothing listens on, and that the kernel gives nobody else while this process lives."""
    reserving = socket.socket()
    reserving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserving.bind((LOOPBACK, 0))
    _RESERVING.append(reserving)
    return int(reserving.getsockname()[1])


def _user() -> pwd.struct_passwd | None:
    """Whom root has to become."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)
