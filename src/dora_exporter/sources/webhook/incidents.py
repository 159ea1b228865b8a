"""Makes incidents of reports, in whatever order and however often they come."""

from dataclasses import dataclass, replace
from typing import Any

from dora_exporter.dora.events import Incident
from dora_exporter.sources.clamping import clamped_end
from dora_exporter.sources.contract import Ignored, Sink
from dora_exporter.sources.webhook.placing import Placing, Result
from dora_exporter.sources.webhook.reports import IncidentReport, NotUnderstood, lack

_DELETED, _LEFT_OUT, _UNPAIRED = "deleted", "left out", "unpaired"
_OUT, _SERVICES, _TEAM, _ENVIRONMENT, _STARTED = "out", "services", "team", "environment", "started"
"""The keys of what is kept with an incident that counts nowhere: why, and what brings it back."""


@dataclass(frozen=True, kw_only=True)
class _State:
    """An incident as far as it is known. ``out`` says why it counts nowhere."""

    services: tuple[str, ...] = ()
    team: str | None = None
    environment: str | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    name: str | None = None
    severity: str | None = None
    version: str | None = None
    commit_sha: str | None = None
    repository: str | None = None
    revision: int = 0
    out: str | None = None

    @classmethod
    def of(cls, held: Incident) -> "_State":
        """What is held."""
        facts = held.upstream or {}
        out = facts.get(_OUT)
        return cls(
            services=tuple(facts.get(_SERVICES, "").split("\n")) if facts.get(_SERVICES) else held.services,
            team=facts.get(_TEAM) or held.team,
            environment=facts.get(_ENVIRONMENT) if out else held.environment,
            started_ms=facts.get(_STARTED) if out else held.started_at,
            finished_ms=held.finished_at,
            name=held.name,
            severity=held.severity,
            version=held.version,
            commit_sha=held.commit_sha,
            repository=held.repository,
            revision=held.revision or 0,
            out=out,
        )

    @property
    def order(self) -> tuple[int, int]:
        """Of two states the later one; of the same moment a closing is later, and a deletion latest."""
        return self.revision, 2 if self.out == _DELETED else int(self.finished_ms is not None)

    @property
    def lack(self) -> str | None:
        """The field without which it cannot count."""
        if self.started_ms is None:
            return "started_at"
        return None if self.services or self.team else "services"

    def over(self, before: "_State") -> "_State":
        """This state, with what only ``before`` knows; it alone says whether the incident is open."""
        return _State(
            services=self.services or before.services,
            team=self.team or before.team,
            environment=self.environment or before.environment,
            started_ms=before.started_ms if self.started_ms is None else self.started_ms,
            finished_ms=self.finished_ms,
            name=self.name or before.name,
            severity=self.severity or before.severity,
            version=self.version or before.version,
            commit_sha=self.commit_sha or before.commit_sha,
            repository=self.repository or before.repository,
            revision=self.revision,
            out=self.out,
        )


class Incidents:
    """The incidents of one source."""

    def __init__(self, placing: Placing) -> None:
        """``placing`` names them."""
        self._placing = placing

    def result(self, seen: IncidentReport, sink: Sink, *, now_ms: int) -> Result:
        """What to write of a report that came at ``now_ms``; raises ``NotUnderstood``."""
        if seen.id is None:
            raise NotUnderstood(lack(seen, "id"))
        event_id = self._placing.event_id(seen.id)
        held = sink.incident(event_id)
        if held is None and not (seen.is_wanted or seen.is_deleted):
            return Result(ignored=Ignored.FILTERED)
        new = self._state(seen, now_ms)
        old = _State() if held is None else _State.of(held)
        new, known = _begun(new, old) if seen.has_earliest_start else (new, old)
        if held is not None and new.order < old.order:
            return self._late(event_id, new, old, known, sink)
        if seen.changed_ms is None and seen.finished_ms is None and old.finished_ms is not None and seen.is_closed:
            new = replace(new, finished_ms=old.finished_ms)  # told again
        state = self._with_defaults(new.over(old))
        if state.out is None and state.lack is not None:
            if state.finished_ms is None:
                raise NotUnderstood(lack(seen, state.lack))
            state = replace(state, out=_UNPAIRED)
        if seen.changed_ms is None and held is not None and replace(state, revision=old.revision) == old:
            state = old  # nothing but the time of arrival is new
        items = (self._event(event_id, state, sink),)
        if state.out == _UNPAIRED:
            return Result(items, Ignored.UNPAIRED, lack(seen, state.lack or ""))
        if state.out is None:
            return Result(items)
        detail = "only is not true" if state.out == _LEFT_OUT else "delete is true"
        return Result(items, None if held is not None else Ignored.NO_EVENT, f"{detail}, so it counts nowhere")

    def _state(self, seen: IncidentReport, now_ms: int) -> _State:
        revision = now_ms if seen.changed_ms is None else seen.changed_ms
        said = seen.services or ((seen.service,) if seen.service else ())
        place = self._placing.place(said, seen.texts.get("environment"), seen.texts.get("team"))
        out = _DELETED if seen.is_deleted else None if seen.is_wanted else _LEFT_OUT
        finished_ms = seen.finished_ms
        if finished_ms is None and (seen.is_closed or out == _DELETED):
            finished_ms = revision
        texts = {name: seen.texts.get(name) for name in ("name", "severity", "version", "commit_sha")}
        return _State(
            services=place.services,
            team=place.team,
            environment=place.environment,
            started_ms=seen.started_ms,
            finished_ms=finished_ms,
            repository=seen.repository,
            revision=revision,
            out=out,
            **texts,
        )

    def _with_defaults(self, state: _State) -> _State:
        """A state that names no service has the source's own."""
        own = _State(services=() if state.services else self._placing.service, team=state.team or self._placing.team)
        return state.over(own)

    def _late(self, event_id: str, new: _State, held: _State, old: _State, sink: Sink) -> Result:
        """What is older than what is held tells only what that lacks, such as when an incident began.

        ``old`` is what is held, with a beginning that may be known better.
        """
        if held.lack is None or new.out is not None:
            items = () if old == held else (self._event(event_id, old, sink),)
            return Result(items, Ignored.OUTDATED)
        state = old.over(new)
        if old.out != _UNPAIRED:
            return Result((self._event(event_id, state, sink),), Ignored.OUTDATED)
        state = self._with_defaults(replace(state, out=None))
        return Result((self._event(event_id, replace(state, out=_UNPAIRED) if state.lack else state, sink),))

    def _event(self, event_id: str, state: _State, sink: Sink) -> Incident:
        started_ms = next(each for each in (state.started_ms, state.finished_ms, state.revision) if each is not None)
        sha = state.commit_sha
        return Incident(
            event_id,
            () if state.out else state.services,
            state.environment or self._placing.environment,
            started_ms,
            clamped_end(event_id, started_ms, state.finished_ms, sink),
            name=state.name,
            severity=state.severity,
            team=None if state.out else state.team,
            version=state.version,
            commit_sha=sha.lower() if sha else None,
            repository=state.repository,
            source=self._placing.name,
            revision=state.revision,
            upstream=_facts(state) if state.out else None,
        )


def _begun(new: _State, old: _State) -> tuple[_State, _State]:
    """Both states with the earliest beginning that they tell; one that counts nowhere tells none."""
    known = [each.started_ms for each in (new, old) if each.started_ms is not None]
    if new.out is not None or not known:
        return new, old
    return replace(new, started_ms=min(known)), replace(old, started_ms=min(known))


def _facts(state: _State) -> dict[str, Any]:
    """What is kept of a state that counts nowhere: only texts and numbers."""
    kept = {
        _OUT: state.out,
        _SERVICES: "\n".join(state.services),
        _TEAM: state.team,
        _STARTED: state.started_ms,
        _ENVIRONMENT: state.environment,
    }
    return {key: value for key, value in kept.items() if value}
