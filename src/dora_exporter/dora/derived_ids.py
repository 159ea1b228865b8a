"""The ids of events that were sent without one: equal facts always have the same id."""

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
    """The id of a deployment, from everything that tells two of them apart: a request sent twice is one deployment.

    ``further`` are the SHAs of its further repositories.
    """
    return _digest(("deployment", service, environment, started_at, finished_at, version, commit_sha, *further))


def incident_id(*, services: tuple[str, ...], team: str | None, environment: str, started_at: int) -> str:
    """The id of an incident, from what does not change while it lasts, so that its end updates its beginning.

    ``services`` are sorted and unique. The team tells incidents apart only where there is none: it may be known late.
    """
    return _digest(("incident", services, None if services else team, environment, started_at))


def former_incident_id(*, services: tuple[str, ...], team: str | None, environment: str, started_at: int) -> str:
    """The id that earlier versions computed, under which an incident that began with them ends."""
    return _digest(("incident", services, team, environment, started_at))


def _digest(facts: tuple[object, ...]) -> str:
    """Hashes JSON, in which no fact can run into the next."""
    return hashlib.blake2b(msgspec.json.encode(facts), digest_size=_ID_BYTES).hexdigest()
