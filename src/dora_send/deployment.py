"""The sub-command for deployments: an event of what is told, what the script did, Git and the CI server."""

from __future__ import annotations

import os
from argparse import Namespace

from dora_send import ci, identifiers, moments
from dora_send.exits import OK, Failed, say
from dora_send.target import target

TYPE_CHECKING = False  # as in typing, which takes long to load
if TYPE_CHECKING:
    from typing import Any

_PATH = "/api/v2/dora/deployment"


def send(options: Namespace) -> int:
    """Runs the script, if there is one, and sends the deployment; the exit code. Raises ``Failed``."""
    to = target(options, os.environ)
    notes: list[str] = []
    event = _event(options, ci.current(os.environ), notes)
    code = _finish(event, options)
    from dora_send import commits, server

    try:
        daemon = server.Server(to)
        if options.since:
            commits.add(event, options.since, daemon, notes)
        answer = daemon.ask("POST", _PATH, {"data": {"attributes": event}})
    except Failed as failed:
        if code == OK:
            raise
        say(str(failed))
    else:
        say("; ".join([f"recorded the deployment of {options.service}, id {answer['data'].get('id')}", *notes]))
    return code


def _event(options: Namespace, run: ci.Run | None, notes: list[str]) -> dict[str, Any]:
    """The attributes that are known before the script runs."""
    from dora_send import git_facts

    git = git_facts.found(options, run, notes)
    told = {"service": options.service, "env": options.env, "version": options.version, "team": options.team}
    event: dict[str, Any] = {name: value for name, value in told.items() if value}
    event_id = _id(options, run, git)
    return {
        **event,
        **({"git": git} if git else {}),
        **({"custom_tags": options.tag} if options.tag else {}),
        **({"id": event_id} if event_id else {}),
    }


def _id(options: Namespace, run: ci.Run | None, git: dict[str, str] | None) -> str | None:
    if options.id:
        return identifiers.accepted(options.id)
    if run is None:
        return None
    return run.event_id(options.service, options.env, options.version, git and git["commit_sha"], options.tag)


def _finish(event: dict[str, Any], options: Namespace) -> int:
    """Adds when it began and ended, and how; the exit code of the script, or 0 without one."""
    if options.command:
        from dora_send import script

        ended = script.run(options.command)
        event.update(started_at=ended.started_at, finished_at=ended.finished_at, outcome=ended.outcome)
        return ended.code
    finished_at = moments.now() if options.finished_at is None else options.finished_at
    event.update(started_at=finished_at if options.started_at is None else options.started_at, finished_at=finished_at)
    if options.outcome:
        event["outcome"] = options.outcome
    return OK
