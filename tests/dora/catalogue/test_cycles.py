"""Families of names either come to an end with every name, or are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.catalogue.cycles import endless
from dora_exporter.dora.catalogue.glob import references, wildcards
from dora_exporter.dora.catalogue.spellings import Entry, Spellings


def family(key: str, glob: str, template: str) -> Entry:
    return Entry(key, aliases=(glob,), template=template)


@pytest.mark.parametrize(
    "families",
    [
        [("a", "*-svc", r"\1")],
        [("a", "*/*", r"\2-\1")],
        [("a", "*-a", r"\1-b"), ("b", "*-b", r"\1-c")],
        [("a", "*/*", r"\1--\2"), ("b", "*--*", r"\1+++\2")],
        [("a", "x*", r"y\1")],
    ],
)
def test_families_that_come_to_an_end_are_no_cycle(families: list[tuple[str, str, str]]) -> None:
    assert endless([family(*each) for each in families]) == ()


@pytest.mark.parametrize(
    ("families", "keys"),
    [
        ([("a", "*-a", r"\1-b"), ("b", "*-b", r"\1-a")], ["a", "b"]),
        ([("a", "*/*", r"\1-\2"), ("b", "*-*", r"\1/\2")], ["a", "b"]),
        ([("a", "x*", r"xx\1")], ["a"]),
        ([("a", "*-*", r"\2-\1")], ["a"]),
        ([("a", "*.*", r"\1\1\2")], ["a"]),
    ],
)
def test_families_that_may_go_on_for_ever_are_found(families: list[tuple[str, str, str]], keys: list[str]) -> None:
    assert [rule.key for rule in endless([family(*each) for each in families])] == keys


FAMILY = st.tuples(st.text("ab*", min_size=2, max_size=4), st.text("ab1", min_size=1, max_size=3)).map(
    lambda pair: (pair[0], pair[1].replace("1", r"\1"))
)


@given(st.lists(FAMILY, min_size=1, max_size=3), st.text("ab", min_size=1, max_size=6))
def test_a_name_that_families_gave_stays_as_it_is(families: list[tuple[str, str]], name: str) -> None:
    entries = [
        family(str(number), glob, template)
        for number, (glob, template) in enumerate(families)
        if wildcards(glob) and references(template)
    ]
    if endless(entries):
        return
    spellings = Spellings(entries)

    found = spellings.meaning(name).name

    assert spellings.meaning(found).name == found
