"""The start times of deployments in progress, for sources that receive start and end separately."""

from dora_exporter.dora.events import DAY_MS
from dora_exporter.sources.contract import Memory, Sink

_MOST = 500
_LONGEST_MS = 7 * DAY_MS
_KEY = "begun"


class Begun:
    """The moments, in milliseconds, of the latest 500 deployments that began in the last 7 days; kept in the note."""

    def __init__(self) -> None:
        """The note is read when it is first asked for."""
        self._moments: dict[str, int] | None = None

    def at(self, deployment_id: int | str, sink: Sink) -> int | None:
        """When a deployment began; None where that is not known."""
        return self._all(sink).get(str(deployment_id))

    def add(self, deployment_id: int | str, began_ms: int, sink: Sink, *, now_ms: int) -> Memory | None:
        """Adds a moment, of several the earliest; gives what to note then, None where nothing is new."""
        known = self.at(deployment_id, sink)
        if known is not None and known <= began_ms:
            return None
        begun = {key: moment for key, moment in self._all(sink).items() if moment > now_ms - _LONGEST_MS}
        begun[str(deployment_id)] = began_ms
        self._moments = dict(list(begun.items())[-_MOST:])
        return {**sink.noted(), _KEY: self._moments}

    def _all(self, sink: Sink) -> dict[str, int]:
        if self._moments is None:
            self._moments = dict(sink.noted().get(_KEY, {}))
        return self._moments
