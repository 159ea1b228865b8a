"""The time ranges that a pass over a PagerDuty account reads."""

from dataclasses import dataclass

from dora_exporter.sources.contract import Memory
from dora_exporter.sources.pagerduty.settings import PagerDutySettings

FEED_DELAY_MS = 120_000
"""How late an entry of the change feed may show up, or be dated, against what a list already showed."""


@dataclass(frozen=True)
class Plan:
    """All moments in milliseconds."""

    since: int
    now: int
    feed_since: int
    relisted: int
    is_relist: bool

    @classmethod
    def of(cls, memory: Memory, settings: PagerDutySettings, *, backfill_ms: int, now_ms: int) -> "Plan":
        """Goes on where the memory ends. A cursor in the future means that the clock stepped: then all is read."""
        cursor, relisted = memory.get("cursor"), memory.get("relisted")
        start = now_ms - backfill_ms
        if (
            cursor is None
            or relisted is None
            or max(cursor, relisted) > now_ms
            or now_ms - relisted >= settings.relist.ms
        ):
            return cls(since=start, now=now_ms, feed_since=now_ms, relisted=now_ms, is_relist=True)
        since = cursor - settings.overlap.ms
        feed_since = max(since, relisted - FEED_DELAY_MS)
        return cls(since=since, now=now_ms, feed_since=feed_since, relisted=relisted, is_relist=False)

    def relist(self, backfill_ms: int) -> "Plan":
        """The plan to read everything instead."""
        return Plan(self.now - backfill_ms, self.now, self.now, self.now, is_relist=True)

    def memory(self) -> Memory:
        """What to remember when the plan is done."""
        return {"cursor": self.now, "relisted": self.relisted}
