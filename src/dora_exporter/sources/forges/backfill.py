"""The progress of passes over many repositories: the first one reads the past and may take long."""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import deepcopy

from dora_exporter.dora.sorted_in_steps import batches
from dora_exporter.sources.contract import Memory, Sink

logger = logging.getLogger(__name__)

_KEY = "past"
_MOST_NOTES = 20


class Backfill:
    """Outlives a pass that failed, so that the next one goes on there. The past goes on after a restart, too.

    ``since_ms`` is when the first of these passes began, ``found`` what they will remember. How far the past has been
    read is noted in the log, at most about twenty times.
    """

    def __init__(self, source: str, fingerprint: str, *, what: str = "repositories") -> None:
        """What was noted under another ``fingerprint`` is begun anew. ``what`` is the upstream's word for them."""
        self._source = source
        self._what = what
        self._fingerprint = fingerprint
        self._read: set[str] = set()
        self._noted = self._total = 0
        self._is_first = False
        self.since_ms: int | None = None
        self.found: Memory = {}

    @property
    def in_words(self) -> str | None:
        """What the page of sources shows; None when no past is being read."""
        return f"reads the past: {len(self._read)} of {self._total} {self._what}" if self._shows else None

    @property
    def _shows(self) -> bool:
        return self._is_first and self._total > 0

    def begin(self, memory: Memory, sink: Sink, *, now_ms: int) -> int:
        """Begins or goes on; gives when the first of the passes began."""
        self._is_first = not memory
        if self.since_ms is None or self.since_ms > now_ms:
            noted = sink.noted().get(_KEY, {}) if self._is_first else {}
            if noted.get("settings") != self._fingerprint or noted["since"] > now_ms:
                noted = {"since": now_ms, "read": (), "found": memory}
            self.since_ms, self.found, self._read = noted["since"], deepcopy(noted["found"]), set(noted["read"])
            self._noted = len(self._read)
        return self.since_ms or now_ms

    def batches(self, wanted: Collection[str], size: int) -> Iterator[Sequence[str]]:
        """The repositories, by their ids, that have not been read yet, some at a time."""
        self._total = len(wanted)
        return batches([each for each in wanted if each not in self._read], size)

    async def advance(self, read: Iterable[str], sink: Sink) -> None:
        """Repositories have been read; they count when what was found in them is durable."""
        await sink.flush()
        self._read.update(read)
        if not self._is_first:
            return
        logger.info("reading the past source=%s read=%d of=%d", self._source, len(self._read), self._total)
        if len(self._read) - self._noted >= self._total / _MOST_NOTES:
            self._noted = len(self._read)
            progress = {
                "settings": self._fingerprint,
                "since": self.since_ms,
                "read": sorted(self._read),
                "found": deepcopy(self.found),
            }
            await sink.write([sink.note({**sink.noted(), _KEY: progress})])

    async def end(self, sink: Sink) -> None:
        """Everything has been read."""
        if _KEY in sink.noted():
            await sink.write([sink.note({key: value for key, value in sink.noted().items() if key != _KEY})])
        self.since_ms, self.found, self._read, self._is_first = None, {}, set(), False
