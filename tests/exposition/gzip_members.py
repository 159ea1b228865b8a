"""Reads what must be exactly one gzip member."""

import zlib


def inflate_one_member(body: bytes) -> bytes:
    """The text of a body that is one whole gzip member with nothing after it."""
    inflater = zlib.decompressobj(31)
    text = inflater.decompress(body)
    assert inflater.eof
    assert inflater.unused_data == b""
    return text
