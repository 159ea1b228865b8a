"""A progress bar for people who wait at a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO, TypeVar

_Item = TypeVar("_Item")

_WIDTH = 40


def shown(items: Sequence[_Item], what: str, stream: TextIO) -> Iterable[_Item]:
    """Yields the items and draws a bar of the share consumed; no bar where the stream is not a terminal."""
    return _with_bar(items, what, stream) if stream.isatty() else items


def _with_bar(items: Sequence[_Item], what: str, stream: TextIO) -> Iterator[_Item]:
    drawn = -1
    for number, item in enumerate(items):
        percent = 100 * number // len(items)
        if percent > drawn:
            drawn = percent
            _draw(stream, what, percent)
        yield item
    _draw(stream, what, 100)
    stream.write("\n")


def _draw(stream: TextIO, what: str, percent: int) -> None:
    filled = _WIDTH * percent // 100
    stream.write(f"\r{what:<12} [{'#' * filled:<{_WIDTH}}] {percent:3d} %")
    stream.flush()
