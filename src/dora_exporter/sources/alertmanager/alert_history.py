"""The firing periods of one alert, from notifications in any order.

Senders tell an alert's beginning again under a later time, tell an end that was none, repeat themselves and come late.
So all beginnings and ends that were told are kept, and the periods follow from the set of them: a period lasts from its
first beginning to the last end before the next one's beginning. A beginning while the alert is open is the same period,
and an end closes whatever is open, whichever beginning it names.

Times are in milliseconds.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SETTLING_MS = 5 * 60_000
"""So long after an end a firing alert is taken for a delivery that was late. It is Alertmanager's default
``group_interval``, before which it does not tell of an alert again."""

_MOST_KEPT = 20


class FiringPeriod(NamedTuple):
    """From the earliest start to the latest end; open while there is no end."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def began(self) -> int:
        """When it began."""
        return self.starts[0]

    @property
    def ended(self) -> int | None:
        """When it ended; None while it is open."""
        return self.ends[-1] if self.ends else None


@dataclass
class AlertHistory:
    """All beginnings and ends of an alert that notifications named.

    ``unfired`` are beginnings known only from an end. ``void`` are periods that were reopened, each with the
    last end that was none. ``stale`` are ends that were not reported, but followed from silence.
    """

    starts: set[int] = field(default_factory=set)
    ends: set[int] = field(default_factory=set)
    unfired: set[int] = field(default_factory=set)
    void: set[tuple[int, int]] = field(default_factory=set)
    stale: set[int] = field(default_factory=set)

    def add(self, other: "AlertHistory") -> None:
        """Merges another history of the same alert."""
        self.starts |= other.starts
        self.ends |= other.ends
        self.unfired |= other.unfired
        self.void |= other.void
        self.stale |= other.stale

    def fires(self, start: int, *, now_ms: int) -> None:
        """The alert that began then fires now. It reopens what had ended, unless this may be a late delivery.

        A beginning at the very moment of the last end is news that the alert goes on, however early it comes.
        """
        self.stale -= {end for end in self.stale if end >= start}
        is_new = start not in self.starts
        was_told = not is_new and start not in self.unfired
        self.starts.add(start)
        self.unfired.discard(start)
        last = self.periods()[-1]
        if last.ended is None or start not in last.starts:
            return
        if (was_told and now_ms - last.ended > SETTLING_MS) or (is_new and start == last.ended):
            self.void = {each for each in self.void if each[0] != last.began} | {(last.began, last.ended)}
            self.ends -= set(last.ends)

    def is_over(self, start: int, end: int) -> None:
        """The alert that began then ended."""
        if any(began <= end <= last for began, last in self.void):
            return
        self.stale -= {each for each in self.stale if each >= start}
        if start not in self.starts:
            self.starts.add(start)
            self.unfired.add(start)
        self.ends.add(end)

    def periods(self) -> list[FiringPeriod]:
        """The periods in the order of time, at least one if a beginning was told."""
        if len(self.starts) == 1 and not self.ends and not self.stale:  # nearly all, in a large group
            return [FiringPeriod(tuple(self.starts), ())]
        periods: list[FiringPeriod] = []
        starts: list[int] = []
        ends: list[int] = []
        moments = [(at, 0) for at in self.starts] + [(at, 1) for at in (*self.ends, *self.stale)]
        for at, is_end in sorted(moments):  # of equal ones the beginning comes first: such a period lasts no time
            if is_end:
                ends += [at] if starts else []
                continue
            if ends and at > ends[-1]:
                periods.append(FiringPeriod(tuple(starts), tuple(ends)))
                starts, ends = [], []
            starts.append(at)
        if starts:
            periods.append(FiringPeriod(tuple(starts), tuple(ends)))
        return periods

    def part(self, began: int, ended: int | None) -> "AlertHistory":
        """The history of one period, reduced to what has to be stored."""

        def within(moments: Collection[int]) -> set[int]:
            if not moments:
                return set()
            inside = sorted(at for at in moments if began <= at and (ended is None or at <= ended))
            return set(
                inside if len(inside) <= _MOST_KEPT else [*inside[: _MOST_KEPT // 2], *inside[-_MOST_KEPT // 2 :]]
            )

        void = set()
        if self.void:
            void = {each for each in self.void if began <= each[1] and (ended is None or each[0] <= ended)}
        return AlertHistory(within(self.starts), within(self.ends), within(self.unfired), void, within(self.stale))

    def dump(self) -> dict[str, Any]:
        """The state as JSON types."""
        said = {
            "starts": sorted(self.starts),
            "ends": sorted(self.ends),
            "unfired": sorted(self.unfired),
            "void": [list(each) for each in sorted(self.void)],
            "stale": sorted(self.stale),
        }
        return {name: moments for name, moments in said.items() if moments}

    @classmethod
    def load(cls, said: Mapping[str, Any]) -> "AlertHistory":
        """Restores what ``dump`` gave."""
        void = {(began, ended) for began, ended in said.get("void", ())}
        starts, ends, unfired, stale = (set(said.get(name, ())) for name in ("starts", "ends", "unfired", "stale"))
        return cls(starts, ends, unfired, void, stale)
