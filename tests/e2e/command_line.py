"""Datadog's own command line, led to a daemon behind TLS."""

import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import program
from tests.e2e.tunnel import tunnel_to

KEY = "0123456789abcdef0123456789abcdef"
SECONDS = 60


@dataclass(frozen=True)
class CommandLine:
    """``datadog-ci`` in an environment that leads it to a daemon."""

    daemon: RunningDaemon
    environment: dict[str, str]
    folder: Path

    def run(self, *arguments: str, key: str = KEY, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs one command to its end, with further variables in its environment."""
        return subprocess.run(
            [program("datadog-ci"), *arguments],
            env={**os.environ, **self.environment, "DD_API_KEY": key, **variables},
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=SECONDS,
        )


def daemon_behind_tls(folder: Path, settings: Mapping[str, object] | None = None) -> Daemon:
    """A daemon with a key and a certificate, whose authority is in ``ca.pem``."""
    authority = trustme.CA()
    certificate = authority.issue_cert("api.dora.test", "sourcemap-intake.dora.test", "127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    web = folder / "web.yaml"
    web.write_text("tls_server_config: {cert_file: server.pem, key_file: server.pem}\n")
    trusted = ssl.create_default_context(cafile=folder / "ca.pem")
    return Daemon(folder, {"api_keys": [KEY], **(settings or {})}, (f"--web.config.file={web}",), trusted)


@contextmanager
def command_line(daemon: Daemon) -> Iterator[CommandLine]:
    """The command line, the daemon, and a proxy that leads one to the other."""
    with daemon.running() as running, tunnel_to(running.port) as proxy:
        environment = {
            "DD_SITE": "dora.test",
            "HTTPS_PROXY": proxy,
            "NODE_EXTRA_CA_CERTS": str(daemon.folder / "ca.pem"),
        }
        yield CommandLine(running, environment, daemon.folder)
