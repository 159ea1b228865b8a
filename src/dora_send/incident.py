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
    event_id = identifiers.accepted(options.id)
    told = _told(options)
    event = told if options.action == "open" else _closed(server, event_id, told, options)
    event.setdefault("started_at", moments.now())
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


def _closed(server: Server, event_id: str, told: dict[str, Any], options: Namespace) -> dict[str, Any]:
    """What the daemon holds, what is told now, and the end: a report replaces the one before."""
    from dora_send.judgement import NotFound

    try:
        held = _held(server.ask("GET", f"/api/v2/dora/failures/{event_id}")["data"]["attributes"])
    except NotFound:
        held = {}
        if "started_at" not in told or not ("services" in told or "team" in told):
            reason = f"no incident {options.id} is known; to close it anyway, tell --service and --started-at"
            raise Failed(USAGE, reason) from None
    event = {**held, **told}
    if options.finished_at is not None:
        event["finished_at"] = options.finished_at
    event.setdefault("finished_at", max(moments.now(), event["started_at"]))  # clocks differ
    return event


def _held(shown: dict[str, Any]) -> dict[str, Any]:
    """An incident that is shown, as it is sent."""
    event = {name: shown[name] for name in _KEPT if shown.get(name)}
    for name in ("started_at", "finished_at"):
        if shown.get(name):
            event[name] = moments.parse(shown[name])
    git = shown.get("git") or {}
    if git.get("commit_sha") and git.get("repository_url"):
        event["git"] = {name: git[name] for name in ("commit_sha", "repository_url")}
    return event
