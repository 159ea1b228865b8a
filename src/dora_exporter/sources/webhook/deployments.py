"""Makes deployments of reports, in whatever order and however often they come."""

from collections.abc import Sequence

from msgspec.structs import replace

from dora_exporter.dora.derived_ids import deployment_id
from dora_exporter.dora.events import FAILED_OUTCOMES, SUCCEEDED, Deployment, Outcome, same_content
from dora_exporter.dora.records import Deletion
from dora_exporter.sources.clamping import clamped_start
from dora_exporter.sources.contract import Ignored, Sink
from dora_exporter.sources.forges.begun import Begun
from dora_exporter.sources.webhook.placing import Placing, Result
from dora_exporter.sources.webhook.reports import DeploymentReport, NotUnderstood, lack

_RUNNING = "running"
_OUTCOMES: dict[str | None, Outcome | None] = {SUCCEEDED: None, **{each: each for each in FAILED_OUTCOMES}}


class Deployments:
    """The deployments of one source."""

    def __init__(self, placing: Placing) -> None:
        """``placing`` names them."""
        self._placing = placing
        self._begun = Begun()

    def results(self, seen: DeploymentReport, sink: Sink, *, now_ms: int) -> Sequence[Result]:
        """What to write of a report that came at ``now_ms``, for each of its services; raises ``NotUnderstood``."""
        if seen.services:
            return [self._result(seen, each, sink, now_ms=now_ms, suffix=f":{each}") for each in seen.services]
        service = seen.service or next(iter(self._placing.service), None)
        if service is None:
            raise NotUnderstood(lack(seen, "service"))
        return [self._result(seen, service, sink, now_ms=now_ms)]

    def _result(self, seen: DeploymentReport, service: str, sink: Sink, *, now_ms: int, suffix: str = "") -> Result:
        event = self._event(seen, service, now_ms=now_ms, suffix=suffix)
        held = sink.deployment(event.id)
        if held is None and not seen.is_wanted:
            return Result(ignored=Ignored.FILTERED)
        if seen.outcome == _RUNNING:
            return self._begin(event, held, sink, now_ms=now_ms)
        if seen.outcome not in _OUTCOMES:
            return Result(ignored=Ignored.NO_EVENT, detail=lack(seen, "outcome") if seen.outcome is None else None)
        if held is not None and (event.revision or 0) < (held.revision or 0):
            return Result(ignored=Ignored.OUTDATED)
        if seen.is_deleted:
            gone = () if held is None else (Deletion("deployment", event.id, now_ms, source=self._placing.name),)
            return Result(gone, Ignored.NO_EVENT if held is None else None, "delete is true, so it counts nowhere")
        return Result((self._ended(event, seen, held, sink),))

    def _event(self, seen: DeploymentReport, service: str, *, now_ms: int, suffix: str) -> Deployment:
        """The event as the report alone has it; a time that it does not have is another that it has."""
        times = (seen.finished_ms, seen.changed_ms, seen.started_ms)
        finished_ms = next((each for each in times if each is not None), None)
        if finished_ms is None:
            raise NotUnderstood(lack(seen, "finished_at"))
        started_ms = finished_ms if seen.started_ms is None else seen.started_ms
        placing = self._placing
        place = placing.place((service,), seen.texts.get("environment"), seen.texts.get("team"))
        environment, sha = place.environment or placing.environment, seen.texts.get("commit_sha", "").lower() or None
        version = seen.texts.get("version")
        own_id = seen.id or deployment_id(
            service=place.services[0],
            environment=environment,
            started_at=started_ms,
            finished_at=finished_ms,
            version=version,
            commit_sha=sha,
        )
        return Deployment(
            placing.event_id(own_id + suffix),
            place.services[0],
            environment,
            started_ms,
            finished_ms,
            version=version,
            commit_sha=sha,
            repository=seen.repository,
            team=place.team or placing.team,
            source=placing.name,
            revision=now_ms if seen.changed_ms is None else seen.changed_ms,
            outcome=_OUTCOMES.get(seen.outcome),
        )

    def _begin(self, event: Deployment, held: Deployment | None, sink: Sink, *, now_ms: int) -> Result:
        """Keeps in mind when a deployment began; one that is held and has no beginning gets it."""
        if held is not None and held.started_at == held.finished_at > event.started_at:
            return Result((replace(held, started_at=event.started_at),))
        note = self._begun.add(event.id, event.started_at, sink, now_ms=now_ms) if held is None else None
        return Result((sink.note(note),) if note else (), Ignored.NO_EVENT, "it goes on")

    def _ended(self, event: Deployment, seen: DeploymentReport, held: Deployment | None, sink: Sink) -> Deployment:
        if seen.started_ms is None:
            known = self._begun.at(event.id, sink) or (held.started_at if held else None)
            event = replace(event, started_at=min(known or event.finished_at, event.finished_at))
        event = replace(event, started_at=clamped_start(event.id, event.started_at, event.finished_at, sink))
        if held is not None:
            event = replace(event, verdict=held.verdict, shipped=held.shipped)
            if seen.changed_ms is None and same_content(replace(event, revision=held.revision), held):
                return held  # told again
        return event
