"""Where the events of a list are, by their ids: made once, and ready for use as soon as it is read."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class IdIndex:
    """Hashes of ids in their order, and beside each the place that an event with such an id has in the list.

    The hashes are the same in each process, and nobody can choose ids that share one.
    """

    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    places: "array[int]" = field(default_factory=lambda: array("I"))

    def __post_init__(self) -> None:
        """Raises ValueError unless the two belong together."""
        if len(self.hashes) != len(self.places):
            raise ValueError("an index of two lengths")

    def __len__(self) -> int:
        """The number of events."""
        return len(self.places)

    def candidates(self, event_id: str) -> Iterator[int]:
        """The few places at which an event may be: rarely more than one."""
        wanted = _hash(event_id)
        at = bisect_left(self.hashes, wanted)
        while at < len(self.hashes) and self.hashes[at] == wanted:
            yield self.places[at]
            at += 1


def index_of(ids: Sequence[str]) -> IdIndex:
    """The index of a list whose events have these ids."""
    hashes = list(map(_hash, ids))
    places = sorted(range(len(ids)), key=hashes.__getitem__)
    return IdIndex(array("Q", map(hashes.__getitem__, places)), array("I", places))


def _hash(event_id: str) -> int:
    return int.from_bytes(blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
