"""Runs the commands of a pipeline: in a repository with a commit, and led to a daemon behind TLS."""

import os
import re
import ssl
import subprocess
from contextlib import ExitStack
from pathlib import Path

import trustme
from tests.docs.living import WRITE_KEY
from tests.e2e.daemon import Daemon
from tests.e2e.programs import program
from tests.e2e.tunnel import tunnel_to

_HOSTS = ("api.dora.example.com", "sourcemap-intake.dora.example.com", "127.0.0.1")
_SECONDS = 120
_NAMES = {f"GIT_{who}_{what}": "someone@example.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_REPOSITORY = """
git init --quiet
git remote add origin https://git.example/acme/shop.git
git commit --quiet --allow-empty --message Begin
"""


def run(commands: str, folder: Path) -> dict[str, float]:
    """Runs commands, of which none may fail, with the key and the authority that they leave open.

    Returns the deployments of the last week by service.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert(*_HOSTS).private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    (folder / "web.yaml").write_text("tls_server_config: {cert_file: server.pem, key_file: server.pem}\n")
    trusted = ssl.create_default_context(cafile=folder / "ca.pem")
    daemon = Daemon(folder, {"api_keys": [WRITE_KEY]}, (f"--web.config.file={folder / 'web.yaml'}",), trusted)
    given = {"DD_API_KEY": WRITE_KEY, "NODE_EXTRA_CA_CERTS": str(folder / "ca.pem")}
    for name, value in given.items():
        commands = re.sub(rf"(?m)^export {name}=\S+", f"export {name}={value}", commands)
    (folder / "checkout").mkdir()
    with ExitStack() as stack:
        running = stack.enter_context(daemon.running())
        subprocess.run(
            [program("bash"), "-ec", _REPOSITORY + commands],
            cwd=folder / "checkout",
            env={**os.environ, **_NAMES, "HTTPS_PROXY": stack.enter_context(tunnel_to(running.port)), "PATH": _path()},
            check=True,
            timeout=_SECONDS,
        )
        samples = {name: value for name, value in running.samples().items() if name[0] == "dora_deployments"}
    return {dict(labels)["service"]: value for (_, labels), value in samples.items() if ("window", "7d") in labels}


def _path() -> str:
    return os.pathsep.join((str(Path(program("datadog-ci")).parent), os.environ["PATH"]))
