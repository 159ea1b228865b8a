"""Runs the ``git`` program: without a shell, without the user's or the system's configuration, within limits."""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

_ERROR_LENGTH = 500
_NO_PROTOCOL = "none"
_USER_INFO = re.compile(r"(?<=//)[^\s/]*@")
"""A proxy that is written wrong is repeated whole, password and all."""
_CONFIGURATION = {
    "core.warnAmbiguousRefs": "false",
    "core.hooksPath": os.devnull,
    "core.packedGitWindowSize": "64m",
    "core.packedGitLimit": "512m",
    "credential.helper": "",
    "fetch.unpackLimit": "1",  # keeps what is fetched as packs, which is how new commits are found
    "gc.auto": "0",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "120",  # a remote that has fallen silent keeps no other from being fetched
    "maintenance.auto": "false",
    "protocol.version": "2",
}


class GitFailed(Exception):
    """A ``git`` command failed; the text is the end of its error output."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one ``git`` may use."""

    seconds: float = 60.0
    memory_bytes: int = 2 << 30
    file_bytes: int = 4 << 30


@dataclass(frozen=True, kw_only=True)
class Remote:
    """How a ``git`` may reach another machine.

    ``protocol`` is the only one allowed. ``configuration`` is text for Git that may hold a secret: it passes through
    memory that only the process and its children see. ``environment`` holds none.
    """

    protocol: str
    configuration: str = ""
    environment: tuple[tuple[str, str], ...] = ()


class Git:
    """The program, as configured once for all repositories."""

    def __init__(self, limits: Limits | None = None, *, program: str | None = None) -> None:
        """``program`` is the path of ``git``; None looks it up in the ``PATH``. It need not be there before it runs."""
        self.limits = limits or Limits()
        self._program = program
        self._prlimit = shutil.which("prlimit")
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Kills running commands, and starts no more."""
        with self._lock:
            self._is_closed = True
            for process in self._running:
                _kill(process)

    def run(self, folder: Path, *arguments: str, limits: Limits | None = None, remote: Remote | None = None) -> bytes:
        """The output of a command to its end. Raises ``GitFailed``."""
        with self.output(folder, *arguments, limits=limits, remote=remote) as output:
            return output.read()

    @contextlib.contextmanager
    def output(
        self,
        folder: Path,
        *arguments: str,
        source: IO[bytes] | None = None,
        limits: Limits | None = None,
        remote: Remote | None = None,
    ) -> Iterator[IO[bytes]]:
        """The output of a command while it runs.

        ``source`` is a file for its standard input, read from where the file stands. Raises ``GitFailed`` at the end
        of the block when the command fails, or was killed because it took too long. Leaving the block early ends the
        command.
        """
        limits = limits or self.limits
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context(_memory("errors"))
            environment, descriptors = _environment(folder, remote, stack)
            process = self._start(
                (*self._bounds(limits), self._found(), *arguments),
                folder=folder,
                source=source,
                errors=errors,
                environment=environment,
                descriptors=descriptors,
            )
            stack.callback(self._end, process)
            if self._prlimit is None:
                _limit(process.pid, limits)
            watch = _Watch(process, limits.seconds)
            stack.callback(watch.stop)
            output = stack.enter_context(cast(IO[bytes], process.stdout))
            yield output
            while output.read(65536):
                pass  # unread output must not block the command
            status = process.wait()
            watch.stop()
            if status:
                raise GitFailed(_last_words(_command_in(arguments), status, errors, has_timed_out=watch.has_fired))

    def _start(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        source: IO[bytes] | None,
        errors: IO[bytes],
        environment: dict[str, str],
        descriptors: Sequence[int],
    ) -> "subprocess.Popen[bytes]":
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=source or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except OSError as error:
            raise GitFailed(f"cannot start git: {error}") from error
        with self._lock:
            self._running.add(process)
            if self._is_closed:
                _kill(process)
        return process

    def _found(self) -> str:
        program = self._program or shutil.which("git")
        if program is None:
            raise GitFailed("the git program is not installed")
        return program

    def _bounds(self, limits: Limits) -> Iterator[str]:
        """The command prefix that starts a program within limits; empty where this machine lacks it."""
        if self._prlimit is not None:
            yield self._prlimit
            for name, _, most in _bounds(limits):
                yield f"--{name}={most}"

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            if process.poll() is None:
                _kill(process)
                process.wait()
            self._running.discard(process)


class _Watch:
    """Kills a process, with all that it started, when its time is up."""

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        self.has_fired = False
        self._process = process
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()

    def _fire(self) -> None:
        self.has_fired = True
        _kill(self._process)


def _environment(
    folder: Path, remote: Remote | None, stack: contextlib.ExitStack
) -> tuple[dict[str, str], tuple[int, ...]]:
    """The complete environment of the command, and the file descriptors that it inherits."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "GIT_CEILING_DIRECTORIES": str(folder.absolute().parent),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": remote.protocol if remote else _NO_PROTOCOL,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(_CONFIGURATION)),
    }
    for number, (key, value) in enumerate(_CONFIGURATION.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    if remote is None:
        return environment | {"GIT_NO_LAZY_FETCH": "1"}, ()
    environment.update(remote.environment)  # a fetch may need a tree that only a tag names, and asks for it by itself
    if not remote.configuration:
        return environment, ()
    secret = stack.enter_context(_memory("configuration"))
    secret.write(remote.configuration.encode())
    secret.flush()
    # Each git that is started on the way opens the path anew, and so reads from the beginning.
    environment["GIT_CONFIG_GLOBAL"] = f"/proc/self/fd/{secret.fileno()}"
    return environment, (secret.fileno(),)


def _memory(name: str) -> IO[bytes]:
    """A file in memory only."""
    return os.fdopen(os.memfd_create(name), "w+b")


def _bounds(limits: Limits) -> Iterator[tuple[str, int, int]]:
    """The limits by their names, the kinds they have in Python, and how much they allow."""
    yield "as", resource.RLIMIT_AS, limits.memory_bytes
    yield "cpu", resource.RLIMIT_CPU, int(limits.seconds) + 1
    yield "fsize", resource.RLIMIT_FSIZE, limits.file_bytes
    yield "core", resource.RLIMIT_CORE, 0


def _limit(pid: int, limits: Limits) -> None:
    """Sets the limits of a process that already runs.

    A ``preexec_fn`` would set them earlier, but forks the whole process.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        for _, kind, most in _bounds(limits):
            resource.prlimit(pid, kind, (most, most))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _command_in(arguments: Sequence[str]) -> str:
    return next((each for each in arguments if not each.startswith("-")), arguments[0])


def _last_words(command: str, status: int, errors: IO[bytes], *, has_timed_out: bool) -> str:
    if has_timed_out:
        return f"git {command} took too long"
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").split("\n")
    said = " ".join(line.strip() for line in lines if line.strip())[-_ERROR_LENGTH:]
    return f"git {command} failed with status {status}: {_USER_INFO.sub('***@', said) or 'no output'}"
