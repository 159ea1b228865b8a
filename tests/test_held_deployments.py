"""Deployments that a start found in order, and those beside them, are held as by one dictionary."""

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import deployment

from dora_exporter.events import Deployment
from dora_exporter.held_deployments import HeldDeployments
from dora_exporter.id_index import IdIndex, index_of

IDS = "abcdefgh"
some_ids = st.sampled_from(IDS)
steps = st.lists(st.tuples(st.sampled_from(["put", "add", "delete"]), some_ids, st.sampled_from(["1", "2"])))


def holding(deployments: Sequence[Deployment]) -> HeldDeployments:
    """What a start found."""
    held = HeldDeployments()
    held.restore([*deployments], index_of([each.id for each in deployments]))
    return held


@given(found=st.sets(some_ids), steps=steps)
def test_they_are_held_as_by_a_dictionary(found: set[str], steps: list[tuple[str, str, str]]) -> None:
    expected = {each: deployment(id=each) for each in sorted(found)}
    held = holding([*expected.values()])
    for action, event_id, version in steps:
        new = deployment(id=event_id, version=version)
        if action == "put":
            expected[event_id] = held[event_id] = new
        elif action == "add":
            assert held.add(new) == (event_id not in expected)
            expected.setdefault(event_id, new)
        else:
            assert held.pop(event_id, None) is expected.pop(event_id, None)
        assert dict(held) == dict(held.items()) == {each.id: each for each in held.values()} == expected
        assert len(held) == len(held.values()) == len(expected)
        assert [held.get(each) for each in IDS] == [expected.get(each) for each in IDS]
        assert [each in held for each in IDS] == [each in expected for each in IDS]
    held.clear()
    assert not held
    assert held.add(deployment(id="a"))


def test_one_that_is_not_held_cannot_be_had_or_taken_out() -> None:
    held = holding([deployment(id="a"), deployment(id="b")])
    del held["a"]
    for missing in ("a", "c"):
        with pytest.raises(KeyError, match=missing):
            held[missing]
        with pytest.raises(KeyError, match=missing):
            del held[missing]


def test_ids_that_share_a_hash_are_told_apart() -> None:
    (shared,) = index_of(["b"]).hashes
    held = HeldDeployments()
    held.restore([deployment(id="a"), deployment(id="b")], IdIndex(array("Q", [shared] * 2), array("I", [0, 1])))
    assert held["b"].id == "b"
    del held["b"]
    assert [*held] == ["a"]
    assert held.add(deployment(id="b"))


def test_the_index_of_another_list_is_refused() -> None:
    held = HeldDeployments()
    with pytest.raises(ValueError, match="another list"):
        held.restore([deployment(id="a")], index_of(["a", "b"]))
