"""The sub-command for incidents: one is opened, and closed by a second report that says all of the first again."""

from __future__ import annotations

import os
from argparse import Namespace

from dora_send import identifiers, moments
from dora_send.exits import OK, USAGE, Failed, say
from dora_send.target import target

TYPE_CHECKING = False  # as in typing, which takes long to load
if TYPE_CHECKING:
    from typing import Any

    from dora_send.server import Server

_PATH = "/api/v2/dora/failure"
_KEPT = ("services", "env", "name", "severity", "team", "version", "custom_tags")


def send(options: Namespace) -> int:
    """Opens or closes the incident; the exit code. Raises ``Failed``."""
    to = target(options, os.environ)
    from dora_send.server import Server

    server = Server(to)
    event_id, told = identifiers.accepted(options.id), _told(options)
    held = _held(server, event_id)
    event = _opened(held, told) if options.action == "open" else _closed(held, told, options)
    server.ask("POST", _PATH, {"data": {"attributes": {**event, "id": event_id}}})
    say(f"recorded that the incident {options.id} is {'open' if options.action == 'open' else 'closed'}, id {event_id}")
    return OK


def _told(options: Namespace) -> dict[str, Any]:
    values = {
        "services": options.service,
        "env": options.env,
        "name": options.name,
        "severity": options.severity,
        "team": options.team,
        "version": options.version,
        "custom_tags": options.tag,
        "started_at": options.started_at,
    }
    return {name: value for name, value in values.items() if value}


def _opened(held: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """An incident that is open stays what it is, but for what is told anew; one that was closed begins again."""
    known = {} if "finished_at" in held else held
    return {"started_at": moments.now(), **known, **told}


def _closed(held: dict[str, Any], told: dict[str, Any], options: Namespace) -> dict[str, Any]:
    """What the daemon holds, what is told now, and the end, which stays if there is one."""
    event = {**held, **told}
    if "started_at" not in event or not ("services" in event or "team" in event):
        reason = f"no incident {options.id} is known; to close it anyway, tell --service and --started-at"
        raise Failed(USAGE, reason)
    if options.finished_at is not None:
        event["finished_at"] = options.finished_at
    event.setdefault("finished_at", max(moments.now(), event["started_at"]))  # clocks differ
    return event


def _held(server: Server, event_id: str) -> dict[str, Any]:
    """The incident as the daemon holds it and as it is sent, for a report replaces the one before; empty if none is."""
    from dora_send.judgement import NotFound

    try:
        shown = server.ask("GET", f"/api/v2/dora/failures/{event_id}")["data"]["attributes"]
    except NotFound:
        return {}
    event = {name: shown[name] for name in _KEPT if shown.get(name)}
    for name in ("started_at", "finished_at"):
        if shown.get(name):
            event[name] = moments.parse(shown[name])
    git = shown.get("git") or {}
    if git.get("commit_sha") and git.get("repository_url"):
        event["git"] = {name: git[name] for name in ("commit_sha", "repository_url")}
    return event
