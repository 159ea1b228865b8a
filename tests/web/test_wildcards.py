"""What the wildcards of a query match, and that no pattern takes long."""

from fnmatch import fnmatchcase
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dora_exporter.web.api.search.query import MANY, ONE, Symbol, matcher

LONGEST = 4000
"""The longest text that an event holds."""


def symbols(pattern: str) -> list[Symbol]:
    return [{"*": MANY, "?": ONE}.get(each, each) for each in pattern]


@given(st.text("ab*?", max_size=12), st.text("ab\n", max_size=12))
@example("*a?b*", "aabb")
@example("ab*bc", "abc")
@example("*ab*b", "ab")
@example("", "")
def test_it_agrees_with_the_shell(pattern: str, text: str) -> None:
    assert matcher(symbols(pattern))(text) is fnmatchcase(text, pattern)


@given(st.text(max_size=8), st.text(max_size=8))
def test_characters_with_a_meaning_in_regular_expressions_have_none_here(text: str, other: str) -> None:
    assert matcher([*text, MANY])(text + other)
    assert matcher([MANY, *text])(other + text)


@pytest.mark.usefixtures("no_garbage_search")
@pytest.mark.parametrize(
    "pattern",
    [
        "*" + "?" * 900 + "z*",
        "*" + "?a" * 450 + "z*",
        "*" + "a?" * 450 + "z*",
        "*a" * 450 + "z",
        "*" + "a" * 900 + "?z*",
    ],
    ids=["question marks", "before letters", "after letters", "stars", "letters"],
)
def test_the_worst_patterns_take_milliseconds(pattern: str) -> None:
    fits = matcher(symbols(pattern))
    took = []
    for _ in range(5):
        began = process_time()
        assert not fits("a" * LONGEST)
        took.append(process_time() - began)
    assert min(took) < 0.05
