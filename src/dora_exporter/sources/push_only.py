"""The part of the source contract that all push-only sources share: they poll nothing."""

from dora_exporter.sources.contract import Memory, Sink
from dora_exporter.sources.http.client import Traffic


class PushOnly:
    """The part of ``Source`` that is about passes: there are none."""

    interval_ms: int | None = None
    unmapped_services: int | None = None

    def __init__(self, fingerprint: str) -> None:
        """``fingerprint`` is that of its settings."""
        self.fingerprint = fingerprint
        self.traffic = Traffic()

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads nothing; it is never called, because there is no interval."""
        return memory
