import zlib

from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.exposition.gzip_pieces import EMPTY, ChecksumTree, checksum, combine

texts = st.binary(max_size=300)


@given(texts, texts)
def test_two_checksums_combine_into_that_of_the_joined_texts(left: bytes, right: bytes) -> None:
    assert combine(checksum(left), checksum(right)) == checksum(left + right)


def test_a_long_text_has_the_crc_that_zlib_computes() -> None:
    left, right = bytes(range(256)) * 5000, b"x" * 1_234_567

    assert combine(checksum(left), checksum(right)).crc == zlib.crc32(left + right)


@given(st.lists(texts, max_size=20), st.data())
def test_a_tree_follows_the_texts_that_are_replaced(leaves: list[bytes], data: st.DataObject) -> None:
    tree = ChecksumTree([checksum(leaf) for leaf in leaves])
    for _ in range(data.draw(st.integers(0, 5)) if leaves else 0):
        index = data.draw(st.integers(0, len(leaves) - 1))
        leaves[index] = data.draw(texts)
        tree.replace(index, checksum(leaves[index]))

    assert tree.root == checksum(b"".join(leaves))


def test_nothing_is_neutral_on_both_sides() -> None:
    some = checksum(b"some text")

    assert combine(EMPTY, some) == combine(some, EMPTY) == some
