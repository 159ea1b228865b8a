"""The latest deliveries of a push source, for people who ask why an event did not come in."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from dora_exporter.dora import bounds

_KEPT = 20
_LONGEST_KIND = 60
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One delivery, or ``times`` that were refused alike one after another; ``at_ms`` is when the last one came.

    ``kind`` is the sender's word, empty where the body was not read. ``reason`` says why nothing was written, empty
    where something was.
    """

    at_ms: int
    kind: str
    outcome: str
    reason: str
    times: int = 1


class Deliveries:
    """Keeps the last 20, without their bodies. Who sends nothing valid pushes out one of them only."""

    def __init__(self) -> None:
        """None yet."""
        self._records: deque[DeliveryRecord] = deque(maxlen=_KEPT)

    def __iter__(self) -> Iterator[DeliveryRecord]:
        """The latest first."""
        return reversed(self._records)

    def accept(self, at_ms: int, *, kind: str, outcome: str, reason: str) -> None:
        """Keeps a delivery that was the sender's."""
        shown_kind, shown_reason = (
            bounds.bounded_label(text[:longest]) for text, longest in ((kind, _LONGEST_KIND), (reason, _LONGEST_REASON))
        )
        self._records.append(DeliveryRecord(at_ms, shown_kind, outcome, shown_reason))

    def refuse(self, at_ms: int, reason: str) -> None:
        """Keeps that a delivery was refused."""
        last = self._records[-1] if self._records else None
        times = 1
        if last is not None and (last.kind, last.outcome, last.reason) == ("", "refused", reason):
            times += self._records.pop().times
        self._records.append(DeliveryRecord(at_ms, "", "refused", reason, times))
