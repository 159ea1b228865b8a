"""A progress bar for people who wait at a terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import TextIO, TypeVar

_Item = TypeVar("_Item")
_Line = TypeVar("_Line", bound=Sized)

Advance = Callable[[int], None]
"""Says that so much more is done."""

_BYTES_AT_ONCE = 1 << 16


def shown(items: Sequence[_Item], what: str, stream: TextIO) -> Iterator[_Item]:
    """Yields the items and draws a bar of the share consumed; no bar where the stream is not a terminal."""
    with bar(what, len(items), stream) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def bar(what: str, total: int | None, stream: TextIO) -> Iterator[Advance]:
    """A bar while it lasts, of ``total`` where that is known; nothing where the stream is no terminal."""
    if not stream.isatty():
        yield _nothing
        return
    from rich.console import Console  # noqa: PLC0415  # other commands need not wait until it is loaded
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


def counted(lines: Iterable[_Line], advance: Advance) -> Iterator[_Line]:
    """The lines; the bar moves only now and then, because each update costs time."""
    untold = 0
    for line in lines:
        yield line
        untold += len(line)
        if untold >= _BYTES_AT_ONCE:
            advance(untold)
            untold = 0
    advance(untold)


def _nothing(_done: int) -> None:
    """Shows nothing."""
