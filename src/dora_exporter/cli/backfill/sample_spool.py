"""Transposes the samples of a family: from all series at each instant to each series over time."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import isnan, nan
from struct import Struct
from typing import IO

from dora_exporter.exposition.sample_text import number

_CHANGE = Struct("<IId")
"""The series, the instant, and the value from then on: not a number where the series ends."""
_READ_AT_ONCE = 4096 * _CHANGE.size


class FamilySpool:
    """Keeps on disk when each series of a family changed, so the memory holds the present only."""

    def __init__(self, file: IO[bytes]) -> None:
        """``file`` is empty, and stays open for as long as this is used."""
        self._file = file
        self._series: dict[bytes, int] = {}
        self._lines: set[bytes] = set()

    def record(self, instant: int, lines: Iterable[bytes]) -> None:
        """Records the sample lines (without line feeds) in force from an instant on. Instants must ascend."""
        present = set(lines)
        ended = {_split(line)[0] for line in self._lines - present}
        for line in present - self._lines:
            series, value = _split(line)
            ended.discard(series)
            self._note(series, instant, float(value))
        for series in ended:
            self._note(series, instant, nan)
        self._lines = present

    def samples(self, instants: Sequence[int]) -> Iterator[bytes]:
        """The sample lines with their times, in pieces: series by series, each in the order of time.

        ``instants`` are in milliseconds.
        """
        changes = self._changes()
        for series in sorted(self._series):
            moments, values = changes.pop(self._series[series])
            for (first, after), value in zip(pairwise([*moments, len(instants)]), values, strict=True):
                if not isnan(value):
                    start = series + b" " + number(value).rstrip().encode() + b" "
                    yield b"".join([start + _seconds(instant) for instant in instants[first:after]])

    def _note(self, series: bytes, instant: int, value: float) -> None:
        index = self._series.setdefault(series, len(self._series))
        self._file.write(_CHANGE.pack(index, instant, value))

    def _changes(self) -> dict[int, tuple["array[int]", "array[float]"]]:
        """When each series changed, and to what."""
        changes: dict[int, tuple[array[int], array[float]]] = defaultdict(lambda: (array("I"), array("d")))
        self._file.seek(0)
        while piece := self._file.read(_READ_AT_ONCE):
            for series, instant, value in _CHANGE.iter_unpack(piece):
                moments, values = changes[series]
                moments.append(instant)
                values.append(value)
        return changes


def _split(line: bytes) -> tuple[bytes, bytes]:
    series, _, value = line.rpartition(b" ")
    return series, value


def _seconds(ms: int) -> bytes:
    whole, rest = divmod(ms, 1000)
    return b"%d.%03d\n" % (whole, rest) if rest else b"%d\n" % whole
