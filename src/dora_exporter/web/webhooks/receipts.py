"""Counts an accepted delivery, and keeps its result."""

from dora_exporter.sources.contract import Ignored, Receipt
from dora_exporter.sources.polling import EventSink, Health

_WORDS = {
    Ignored.TEST: "a test delivery",
    Ignored.UNKNOWN_EVENT: "an event that the source has no use for",
    Ignored.NO_EVENT: "no deployment or incident in a state that counts",
    Ignored.FILTERED: "left out by the settings",
    Ignored.OUTDATED: "a newer state is held",
    Ignored.UNPAIRED: "an end without a beginning",
    Ignored.UNREADABLE: "it cannot be understood",
}


def record(receipt: Receipt, health: Health, sink: EventSink, *, at_ms: int) -> None:
    """What the source says of the delivery, and what its sink counted."""
    if receipt.ignored is not None:
        health.ignored[receipt.ignored] += 1
        outcome, reason = "ignored", _WORDS[receipt.ignored]
    else:
        outcome = ", ".join(f"{count} {each}" for each, count in sink.outcomes.items() if count) or "no event"
        reason = next(iter(sink.problems), "") or (_WORDS[Ignored.FILTERED] if sink.outcomes["skipped"] else "")
    reason = ": ".join(each for each in (reason, receipt.detail) if each)
    health.deliveries.accept(at_ms, kind=receipt.kind, outcome=outcome, reason=reason)
