import subprocess

from hypothesis import given
from hypothesis import strategies as st
from tests.exposition.gzip_members import inflate_one_member

from dora_exporter.exposition.gzip_pieces import checksum, concatenate, deflate, gzip_member


@given(st.lists(st.binary(max_size=500), max_size=10))
def test_pieces_make_one_gzip_member(texts: list[bytes]) -> None:
    assert inflate_one_member(gzip_member([deflate(text) for text in texts])) == b"".join(texts)


def test_a_concatenated_piece_stands_for_its_pieces() -> None:
    texts = [b"one " * 100, b"", b"two"]
    whole = concatenate([deflate(text) for text in texts], checksum(b"".join(texts)))

    assert whole.parts == (texts[0], texts[2])
    assert inflate_one_member(gzip_member([whole, deflate(b"!")])) == b"".join(texts) + b"!"


def test_the_gzip_program_accepts_the_member() -> None:
    body = gzip_member([deflate(b"some text\n" * 1000), deflate(b"more\n")])

    subprocess.run(["gzip", "-t"], input=body, check=True)


def test_the_same_pieces_give_the_same_bytes() -> None:
    assert gzip_member([deflate(b"some text")]) == gzip_member([deflate(b"some text")])
