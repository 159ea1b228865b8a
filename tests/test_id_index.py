"""Events are found by their ids."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.id_index import IdIndex, index_of

any_id = st.text(st.characters(codec=None))


@given(st.lists(any_id, unique=True), any_id)
def test_every_id_has_its_place_and_others_have_none(ids: list[str], other: str) -> None:
    index = index_of(ids)
    assert len(index) == len(ids)
    assert [list(index.candidates(each)) for each in ids] == [[place] for place in range(len(ids))]
    assert list(index.candidates(other)) == ([ids.index(other)] if other in ids else [])


def test_the_hashes_are_the_same_in_every_process() -> None:
    assert list(index_of(["a"]).hashes) == [0x40F89E395B66422F]


def test_ids_that_share_a_hash_are_all_candidates() -> None:
    (one,) = index_of(["one"]).hashes
    index = IdIndex(array("Q", [one - 1, one, one, one + 1]), array("I", [0, 2, 1, 3]))
    assert list(index.candidates("one")) == [2, 1]


def test_a_place_without_a_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="two lengths"):
        IdIndex(array("Q", [1]), array("I", []))
