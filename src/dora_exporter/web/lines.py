"""A streamed body in lines."""

from collections.abc import AsyncIterator

from dora_exporter.web.errors import BadRequest


async def lines(pieces: AsyncIterator[bytes], *, limit: int) -> AsyncIterator[list[bytes]]:
    """The lines that each piece completes, and at the end what comes after the last newline.

    Raises ``BadRequest`` for a line of more than ``limit`` bytes: never more than that is held.
    """
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > limit or (whole and len(whole[0]) > limit):
            yield [] if whole and len(whole[0]) > limit else whole
            raise BadRequest(f"a line is longer than {limit} bytes")
        yield whole
    if rest:
        yield [rest]
