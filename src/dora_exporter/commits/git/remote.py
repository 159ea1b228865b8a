"""How Git reaches the remote of a configured repository: credentials, trusted certificates and proxies."""

import base64
import os
import shlex
from urllib.parse import urlsplit

from dora_exporter.commits.git.command import GitFailed, Remote
from dora_exporter.commits.settings import RepositorySettings, protocol_of
from dora_exporter.config.client_tls import TlsConfig
from dora_exporter.runtime.secret_files import BadSecret, read_secret

_DEFAULT_USER = "x-access-token"

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""Taken over in lower or, where these are not there, in upper case."""
TRUST_VARIABLES = (
    *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_VERSION", "GIT_SSL_CIPHER_LIST"),
    *("GIT_PROXY_SSL_CAINFO", "GIT_PROXY_SSL_CERT", "GIT_PROXY_SSL_KEY", "GIT_HTTP_PROXY_AUTHMETHOD"),
)
"""Taken over as they are."""
AUTHORITY_VARIABLES = {
    "GIT_SSL_CAINFO": ("SSL_CERT_FILE", "CURL_CA_BUNDLE"),
    "GIT_SSL_CAPATH": ("SSL_CERT_DIR",),
}
"""Which variables of others stand in for one of Git's own: the first that is there."""
SSH_VARIABLES = ("SSH_AUTH_SOCK",)
"""The socket of an SSH agent."""

_SSH_PATIENCE = ("-o", "ConnectTimeout=60", "-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=4")


class Misconfigured(GitFailed):
    """Fetches fail until an operator changes a setting or a file."""


def remote_of(settings: RepositorySettings) -> Remote:
    """The way to a repository, with secrets and variables as they are now. Raises ``Misconfigured``."""
    protocol = protocol_of(settings.url)
    if protocol == "file":
        # Configured by hand, whoever owns it.
        return Remote(protocol=protocol, configuration="[safe]\n\tdirectory = *\n")
    if protocol == "ssh":
        ways = {**_inherited(SSH_VARIABLES), "GIT_SSH_COMMAND": shlex.join(_ssh(settings))}
        return Remote(protocol=protocol, environment=tuple(ways.items()))
    ways = {**_proxies(), **_trust(settings.tls_config)}
    return Remote(protocol=protocol, configuration=_authorization(settings), environment=tuple(ways.items()))


def _ssh(settings: RepositorySettings) -> list[str]:
    key = settings.ssh_key_file
    identity = ["-i", str(key), "-o", "IdentitiesOnly=yes"] if key else []
    return ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", *_SSH_PATIENCE, *identity]


def _authorization(settings: RepositorySettings) -> str:
    """Configuration that holds the token; a redirect would take it to another host."""
    try:
        token = read_secret(settings.token, settings.token_file)
    except BadSecret as reason:
        raise Misconfigured(str(reason)) from None
    if not token:
        return ""
    user = urlsplit(settings.url).username or _DEFAULT_USER
    encoded = base64.b64encode(f"{user}:{token}".encode()).decode()
    return f'[http]\n\tfollowRedirects = false\n\textraHeader = "Authorization: Basic {encoded}"\n'


def _proxies() -> dict[str, str]:
    """The proxy, found as the sources find it: curl itself ignores ``HTTP_PROXY``."""
    found = {name: os.environ.get(name, os.environ.get(name.upper(), "")) for name in PROXY_VARIABLES}
    return {name: value for name, value in found.items() if value}


def _trust(config: TlsConfig | None) -> dict[str, str]:
    """The trusted certificates: the repository's setting, else the environment's."""
    ways = _trust_of_the_environment()
    if config is None:
        return ways
    files = {
        "GIT_SSL_CAINFO": config.ca_file,
        "GIT_SSL_CERT": config.cert_file,
        "GIT_SSL_KEY": config.key_file or config.cert_file,
    }
    for file in filter(None, files.values()):
        if not os.access(file, os.R_OK):
            raise Misconfigured(f"tls_config: the file {file} cannot be read")
    ways |= {name: str(file.absolute()) for name, file in files.items() if file is not None}
    return ways | ({"GIT_SSL_NO_VERIFY": "1"} if config.insecure_skip_verify else {})


def _trust_of_the_environment() -> dict[str, str]:
    ways = _inherited(TRUST_VARIABLES)
    for name, others in AUTHORITY_VARIABLES.items():
        for other in others:
            if name not in ways and os.environ.get(other):
                ways[name] = os.environ[other]
    return ways


def _inherited(names: tuple[str, ...]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if os.environ.get(name)}
