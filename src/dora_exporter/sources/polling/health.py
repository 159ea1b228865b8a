"""The health of a source, as plain data."""

from collections import Counter
from dataclasses import dataclass, field

from dora_exporter.dora import bounds
from dora_exporter.dora.changes import Outcome
from dora_exporter.runtime.outage import Ended, Outage
from dora_exporter.sources.contract import Ignored
from dora_exporter.sources.polling.deliveries import Deliveries


@dataclass
class Health:
    """Results of the passes, items and deliveries of a source since the start; None for what has not happened yet.

    ``problem`` says in words why the last pass failed, None when it succeeded; ``is_misconfigured`` whether that was
    because of a key, a right or a file, which an operator has to mend. ``items`` counts by outcome, ``names_changed``
    what was done to texts of events that were written, ``ignored`` deliveries by reason. ``deliveries`` are the latest
    of what was pushed.
    """

    is_up: bool | None = None
    is_misconfigured: bool | None = None
    last_attempt_ms: int | None = None
    last_success_ms: int | None = None
    pass_seconds: float | None = None
    problem: str | None = None
    outage: Outage = field(default_factory=Outage)
    items: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(("created", "updated", "unchanged", "skipped", "quarantined"), 0))
    )
    names_changed: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(bounds.CHANGES, 0)))
    ignored: Counter[Ignored] = field(default_factory=Counter)
    deliveries: Deliveries = field(default_factory=Deliveries)
    overflows: int = 0
    ends_clamped: int = 0

    @property
    def consecutive_failures(self) -> int:
        """Failed passes since the last success."""
        return self.outage.failures

    def in_words(self) -> str:
        """The health as one sentence."""
        if self.problem is not None:
            times = "once" if self.consecutive_failures == 1 else f"{self.consecutive_failures} times in a row"
            return f"failed {times}: {self.problem}"
        if self.is_up is not None:
            return "works"
        return "its first pass has not ended" if self.last_attempt_ms is not None else "has not been asked yet"

    def count(self, outcomes: list[Outcome]) -> Counter[str]:
        """Counts the outcomes of writes, and returns them; the deletion of an item counts as a change."""
        counted = Counter(
            Outcome.UPDATED.value if outcome is Outcome.DELETED else outcome.value for outcome in outcomes
        )
        self.items.update(counted)
        return counted

    def succeeded(self, *, at_ms: int, seconds: float) -> Ended | None:
        """Records a successful pass; returns the outage that it ends."""
        self.is_up, self.last_success_ms, self.pass_seconds = True, at_ms, seconds
        self.is_misconfigured = False
        self.problem = None
        return self.outage.succeed(at_ms)

    def failed(self, problem: str, *, at_ms: int, seconds: float, is_misconfigured: bool = False) -> bool:
        """Records a failed pass; returns whether it begins an outage."""
        self.is_up, self.pass_seconds, self.problem = False, seconds, problem
        self.is_misconfigured = is_misconfigured
        return self.outage.fail(at_ms)
