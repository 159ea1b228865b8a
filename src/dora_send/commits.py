"""The commits that a deployment ships: those since another commit, or since the deployment before it."""

from __future__ import annotations

from dora_send import checkout, moments
from dora_send.server import Server

TYPE_CHECKING = False  # as in typing, which takes long to load
if TYPE_CHECKING:
    from typing import Any

_PATH = "/api/v2/dora/deployments"
_LATEST = 20
_SHIPPED_NOTHING = ("failed", "canceled")


def add(event: dict[str, Any], since: str, server: Server, notes: list[str]) -> None:
    """Adds them to a deployment, or a note why they are not known. Raises ``Failed`` where the server has no answer."""
    try:
        first = _before(event, server) if since == "last" else since
        event["commits"] = checkout.commits_since(first, event["git"]["commit_sha"] if "git" in event else "HEAD")
    except checkout.Unknown as reason:
        notes.append(f"without commits: {reason}")


def _before(event: dict[str, Any], server: Server) -> str:
    """The commit of the deployment before this one; raises ``Unknown``."""
    asked = {
        "query": f"service:{_quoted(event['service'])} env:{_quoted(event['env'])}",
        "to": moments.text(event["started_at"] - 1),
        "sort": "-finished_at",
        "limit": _LATEST,
    }
    answer = server.ask("POST", _PATH, {"data": {"type": "dora_deployments_list_request", "attributes": asked}})
    for found in answer["data"]:
        attributes = found["attributes"]
        sha = (attributes.get("git") or {}).get("commit_sha")
        if sha and found["id"] != event.get("id") and attributes.get("outcome") not in _SHIPPED_NOTHING:
            return str(sha)
    raise checkout.Unknown("the server knows of no deployment before this one")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
