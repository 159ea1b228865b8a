"""The ids of events that were sent without one: the same facts give the same id, wherever and whenever they come."""

import hashlib

import msgspec

_ID_BYTES = 16


def deployment_id(
    *,
    service: str,
    environment: str,
    started_at: int,
    finished_at: int,
    version: str | None,
    commit_sha: str | None,
    further: tuple[str, ...] = (),
) -> str:
    """The id of a deployment, from all that tells two of them apart: a request sent twice is one deployment.

    ``further`` are the SHAs of its further repositories.
    """
    return _digest(("deployment", service, environment, started_at, finished_at, version, commit_sha, *further))


def incident_id(*, services: tuple[str, ...], team: str | None, environment: str, started_at: int) -> str:
    """The id of an incident, from what does not change while it lasts: its beginning and its end meet in one record.

    ``services`` are sorted and unique. The team tells incidents apart only where there is none: it may be known late.
    """
    return _digest(("incident", services, None if services else team, environment, started_at))


def former_incident_id(*, services: tuple[str, ...], team: str | None, environment: str, started_at: int) -> str:
    """The id that earlier versions gave the same incident: one that they began is ended under it."""
    return _digest(("incident", services, team, environment, started_at))


def _digest(facts: tuple[object, ...]) -> str:
    """JSON keeps the facts apart, so no text in one of them can look like another."""
    return hashlib.blake2b(msgspec.json.encode(facts), digest_size=_ID_BYTES).hexdigest()
