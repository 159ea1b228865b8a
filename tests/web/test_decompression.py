import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.web.server.decompression import PIECE_BYTES, Inflation
from dora_exporter.web.server.errors import BadRequest


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]), st.integers(1, 50))
def test_a_stream_may_come_in_any_pieces(body: bytes, encoding: str, size: int) -> None:
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    inflation = Inflation(encoding)
    parts = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(piece for part in parts for piece in inflation.feed(part)) == body
    inflation.finish()


def test_a_long_stream_comes_out_in_small_pieces() -> None:
    body = bytes(range(256)) * 4000
    pieces = [*Inflation("gzip").feed(gzip.compress(body))]
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == PIECE_BYTES


def test_a_bomb_is_refused_before_it_has_gone_off() -> None:
    lengths: list[int] = []
    with pytest.raises(BadRequest, match="more than 200 times its size"):
        lengths.extend(map(len, Inflation("gzip").feed(gzip.compress(bytes(64 << 20), 9))))
    assert sum(lengths) <= 16 << 20


def test_a_small_body_may_be_as_repetitive_as_it_likes() -> None:
    body = bytes(16 << 20)
    assert sum(map(len, Inflation("gzip").feed(gzip.compress(body, 9)))) == len(body)


@pytest.mark.parametrize("length", range(PIECE_BYTES - 2, PIECE_BYTES + 300, 7))
def test_what_is_left_when_all_input_is_taken_comes_out_too(length: int) -> None:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    inflation = Inflation("deflate")
    assert sum(map(len, inflation.feed(engine.compress(bytes(length)) + engine.flush()))) == length
    inflation.finish()
