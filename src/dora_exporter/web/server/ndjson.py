"""A streamed body in lines."""

from collections.abc import AsyncIterator, Callable
from itertools import takewhile

from dora_exporter.web.server.errors import TooLong


def _nothing(_count: int) -> None:
    """Ignores how much is held."""


async def lines(
    pieces: AsyncIterator[bytes], *, limit: int, hold: Callable[[int], None] = _nothing
) -> AsyncIterator[list[bytes]]:
    """The lines that each piece completes, and at the end what comes after the last newline.

    ``hold`` is called with the number of bytes held until the next piece arrives.

    Raises ``TooLong`` for a line of more than ``limit`` bytes: never more than that is held.
    """
    rest = b""
    async for piece in pieces:
        held = rest + piece
        whole = held.split(b"\n")
        rest = whole.pop()
        fitting = whole if len(held) <= limit else [*takewhile(lambda line: len(line) <= limit, whole)]
        yield fitting
        if len(fitting) < len(whole) or len(rest) > limit:
            raise TooLong(f"a line is longer than {limit} bytes")
        hold(len(rest))
    if rest:
        yield [rest]
