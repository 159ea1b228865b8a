"""Runs one of our modules in a child process that ends with the daemon."""

import asyncio
import os
import subprocess
import sys
import threading


class SubprogramFailed(Exception):
    """The program failed; the text is the end of its error output."""


class Subprogram:
    """One run of a module. Nothing blocks the event loop, not even its start."""

    def __init__(self, module: str, *arguments: object) -> None:
        """Starts nothing yet."""
        self._command = (sys.executable, "-P", "-m", module, *map(str, arguments))
        self.process: subprocess.Popen[bytes] | None = None
        self._is_to_end = False

    async def run(self) -> None:
        """Runs to its end; raises SubprogramFailed, or OSError where it cannot be started.

        A caller that is cancelled leaves no process behind.
        """
        work = asyncio.ensure_future(asyncio.to_thread(self._run))
        try:
            await asyncio.shield(work)
        finally:
            self.end()
            await asyncio.gather(work, return_exceptions=True)

    def end(self) -> None:
        """Lets ``run`` end soon, as a failure; without effect after its end."""
        self._is_to_end = True
        if self.process is not None:
            self.process.kill()

    def _run(self) -> None:
        with subprocess.Popen(
            self._command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as process:  # by way of vfork, which takes as long however much memory there is; uvloop's own way does not
            self.process = process
            if self._is_to_end:
                process.kill()
            complaint = process.stderr.read() if process.stderr else b""
            status = process.wait()
        if status:
            last_line = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise SubprogramFailed(last_line or f"ended with status {status}")


def end_with_daemon() -> None:
    """Makes this program exit as soon as the daemon that waits for it is gone."""
    threading.Thread(target=_wait_for_end_of_daemon, daemon=True).start()


def _wait_for_end_of_daemon() -> None:
    """Standard input is closed once the daemon that waits for the program is gone."""
    while os.read(0, 1):
        pass
    os._exit(1)
