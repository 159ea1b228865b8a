"""Mends JSON whose text was cut within a character: its decoders refuse the whole document."""

import asyncio
import re
from collections.abc import Iterator

_SURROGATES = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}(?:\\u[dD][89a-fA-F][0-9a-fA-F]{2})*")
_LENGTH = 6
_FIRST_HALVES = b"89abAB"
_REPLACEMENT = rb"\ufffd"


async def mended(body: bytes) -> bytes:
    """The same document with U+FFFD for every half of a character that stands alone."""
    if rb"\ud" not in body and rb"\uD" not in body:
        return body
    return await asyncio.to_thread(_SURROGATES.sub, _mended, body)


def _mended(found: re.Match[bytes]) -> bytes:
    escapes = found[0]
    before = found.start()
    while found.string[before - 1 : before] == b"\\":
        before -= 1
    is_text = (found.start() - before) % 2  # its backslash is itself escaped
    return escapes[: _LENGTH * is_text] + b"".join(_characters(escapes[_LENGTH * is_text :]))


def _characters(escapes: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(escapes):
        is_first, is_next_first = (escapes[place : place + 1] in _FIRST_HALVES for place in (at + 3, at + 3 + _LENGTH))
        is_whole = is_first and at + _LENGTH < len(escapes) and not is_next_first
        yield escapes[at : at + 2 * _LENGTH] if is_whole else _REPLACEMENT
        at += 2 * _LENGTH if is_whole else _LENGTH
