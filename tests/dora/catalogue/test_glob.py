"""Globs for names."""

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.catalogue.glob import Glob, overlap

SMALL = st.text("ab*?", max_size=5)


@given(SMALL, st.text("ab", max_size=5))
def test_a_glob_matches_what_fnmatch_says(glob: str, name: str) -> None:
    assert (Glob(glob).captured(name) is not None) == fnmatchcase(name, glob)


@given(st.text("ab*?", max_size=3), st.text("ab*?", max_size=3))
def test_globs_overlap_if_some_name_matches_both(one: str, other: str) -> None:
    names = ("".join(letters) for length in range(6) for letters in product("abc", repeat=length))
    shared = any(fnmatchcase(name, one) and fnmatchcase(name, other) for name in names)

    assert overlap(one, other) == shared


@pytest.mark.parametrize("glob", ["a.c*", "a+b?", "(x)*", "[ab]*", "ä*", r"\d*"])
def test_what_is_special_elsewhere_stands_for_itself(glob: str) -> None:
    assert Glob(glob).captured(glob) is not None
    assert Glob(glob).captured("abc1") is None
