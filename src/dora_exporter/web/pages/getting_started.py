"""Getting started: a command that sends a first deployment to this daemon."""

import shlex
from dataclasses import dataclass

from aiohttp import hdrs, web

from dora_exporter.runtime.hosts import host_of

API_KEY = "YOUR_API_KEY"
USER = "YOUR_USER"
HOST = "YOUR_HOST"
_PATH = "/api/v2/dora/deployment"
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class GettingStarted:
    """The daemon's URL, and a shell command; ``has_key`` says that the command holds a placeholder for a key."""

    url: str
    command: str
    has_key: bool


def getting_started(request: web.Request, *, url: str, has_keys: bool, now_ms: int) -> GettingStarted:
    """The first steps for the client of a request; ``url`` is the daemon's external URL, or only its path."""
    reached = _reached(request, url)
    lines = [f"curl -sS {shlex.quote(reached + _PATH)}", *_credentials(request, has_keys=has_keys), _event(now_ms)]
    return GettingStarted(url=reached, command=" \\\n  ".join(lines), has_key=has_keys)


def _reached(request: web.Request, url: str) -> str:
    """The URL that is configured; where that has no host, the one that the reader's browser asked."""
    if not url.startswith("/") and url:
        return url
    host = request.headers.get(hdrs.HOST, "").strip()
    scheme = "https" if request.headers.get("X-Forwarded-Proto", "").lower() == "https" else request.scheme
    return f"{scheme}://{host if host_of(host) else HOST}{url.rstrip('/')}"


def _credentials(request: web.Request, *, has_keys: bool) -> list[str]:
    """The credentials in the command: a key where keys are configured, else a user where the reader is one."""
    if has_keys:
        return [f"-H 'DD-API-KEY: {API_KEY}'"]
    is_user = request.headers.get(hdrs.AUTHORIZATION, "").lower().startswith("basic ")
    return [f"-u {USER}"] if is_user else []


def _event(now_ms: int) -> str:
    finished = now_ms // 1000
    return (
        """-d '{"data": {"attributes": {\n"""
        """    "service": "checkout", "env": "production", "version": "v1.0.0",\n"""
        f"""    "started_at": {finished - _SECONDS}, "finished_at": {finished}\n"""
        """  }}}'"""
    )
