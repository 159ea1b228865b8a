"""Bounds what is held for clients, together: when it gets too much, the oldest of it is given up."""

from collections import OrderedDict
from typing import Protocol


class Holder(Protocol):
    """Whatever something is held for."""

    def give_up(self) -> None:
        """Lets go of it soon."""
        ...


class Holdings:
    """How many bytes are held for whom, in the order in which it began."""

    def __init__(self, most: int) -> None:
        """At most so many bytes, unless one holder alone has more: others bound that."""
        self._most = most
        self._total = 0
        self._held: OrderedDict[Holder, int] = OrderedDict()

    @property
    def total(self) -> int:
        """How many bytes there are."""
        return self._total

    def hold(self, who: Holder, count: int) -> None:
        """So many bytes are held for somebody now; others give up when that is too much."""
        self._total += count - self._held.get(who, 0)
        self._held[who] = count
        while self._total > self._most and len(self._held) > 1:
            oldest = next(each for each in self._held if each is not who)
            self.release(oldest)
            oldest.give_up()

    def release(self, who: Holder) -> None:
        """Releases what is held."""
        self._total -= self._held.pop(who, 0)
