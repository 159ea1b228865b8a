from fnmatch import fnmatchcase

from hypothesis import example, given
from hypothesis import strategies as st

from dora_exporter.web.wildcards import MANY, ONE, Pattern


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
@example("*a?b*", "aabb")
@example("", "")
def test_it_agrees_with_the_shell(pattern: str, text: str) -> None:
    symbols = [{"*": MANY, "?": ONE}.get(each, each) for each in pattern]
    assert Pattern(symbols).matches(text) is fnmatchcase(text, pattern)


def test_the_worst_pattern_takes_no_time() -> None:
    assert not Pattern(["a", MANY] * 300 + [ONE, "b"]).matches("a" * 1000)
