import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from tests.exposition.gzip_members import inflate_one_member

from dora_exporter.exposition.gzip_pieces import gzip_member
from dora_exporter.exposition.sample_text import line
from dora_exporter.exposition.text_cache import Family, Key, TextCache

FAMILIES = (
    Family("dora_deployments", "Deployments."),
    Family("dora_change_failure_rate", "Failed deployments."),
    Family("dora_incidents", "Incidents."),
)
Samples = dict[str, float]
"""A group's values in one family, by window."""
Step = tuple[str, int, Key, Samples]
"""What is done, to which family or how much of it, to which group, with which values."""

names = st.sampled_from(["a", "b", 'quote"', "back\\slash", "line\nfeed", "ü", "c", "d", "e"])
keys = st.tuples(names, names)
samples = st.dictionaries(st.sampled_from(["7d", "30d"]), st.floats(0, 1e9))
changes: st.SearchStrategy[Step] = st.tuples(st.just("set"), st.integers(0, len(FAMILIES) - 1), keys, samples)
drops: st.SearchStrategy[Step] = st.tuples(st.just("drop"), st.just(0), keys, st.just({}))
refreshes: st.SearchStrategy[Step] = st.tuples(st.just("refresh"), st.integers(0, 3), st.just(("", "")), st.just({}))
looks: st.SearchStrategy[Step] = st.tuples(st.just("look"), st.just(0), st.just(("", "")), st.just({}))


class FromScratch:
    """The families computed anew, as ``prometheus_client`` would have them."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, Key], Samples] = {}

    def collect(self) -> list[Metric]:
        return [self.family(index) for index in range(len(FAMILIES))]

    def family(self, index: int) -> Metric:
        family = GaugeMetricFamily(
            FAMILIES[index].name, FAMILIES[index].help, labels=("environment", "service", "window")
        )
        for (_, key), values in sorted(item for item in self.values.items() if item[0][0] == index):
            for window, value in values.items():
                family.add_metric((*key, window), value)
        return family

    def text(self) -> bytes:
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)


def lines(index: int, key: Key, values: Samples) -> bytes:
    return b"".join(
        line(FAMILIES[index].name, {"environment": key[0], "service": key[1], "window": window}, value)
        for window, value in values.items()
    )


def headed(cache: TextCache) -> bytes:
    """The text of a cache under the headers that it leaves to the exposition."""
    return b"".join(
        f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n".encode() + b"".join(piece.parts)
        for family, piece in cache.sections()
    )


def refresh_whole(cache: TextCache) -> None:
    while not cache.refresh(3):
        pass


@settings(max_examples=300, deadline=None)
@given(st.lists(changes | drops | refreshes | looks, max_size=60))
def test_the_cache_has_the_bytes_of_a_rendering_from_scratch(steps: list[Step]) -> None:
    cache = TextCache(FAMILIES, largest_page=3)
    expected = FromScratch()
    for action, number, key, values in steps:
        if action == "set":
            cache.set(number, key, lines(number, key, values))
            expected.values[number, key] = values
        elif action == "drop":
            cache.drop(key)
            expected.values = {at: kept for at, kept in expected.values.items() if at[1] != key}
        elif action == "refresh":
            cache.refresh(number)
        else:
            refresh_whole(cache)
            assert headed(cache) == expected.text()
    refresh_whole(cache)

    assert headed(cache) == expected.text()
    pieces = [piece for _, piece in cache.sections()]
    assert inflate_one_member(gzip_member(pieces)) == b"".join(part for piece in pieces for part in piece.parts)


def filled(groups: int) -> TextCache:
    cache = TextCache(FAMILIES)
    for number in range(groups):
        key = ("prod", f"service-{number:04}")
        for index in range(len(FAMILIES)):
            cache.set(index, key, lines(index, key, {"7d": number}))
    return cache


def test_the_work_of_a_refresh_is_bounded() -> None:
    cache = filled(500)

    assert not cache.refresh(5)
    calls = 1
    while not cache.refresh(5):
        calls += 1
    assert calls > 5


def test_a_refresh_that_may_do_nothing_does_nothing() -> None:
    cache = filled(1)
    version = cache.version

    assert not cache.refresh(0)
    assert cache.version == version


def test_joining_a_family_is_work_too() -> None:
    cache = TextCache(FAMILIES[:1])
    cache.set(0, ("prod", "checkout"), b"dora_deployments 1.0\n")

    assert [cache.refresh(1), cache.refresh(1)] == [False, True]


@pytest.mark.parametrize(("groups", "pages"), [(0, 0), (1, 1), (48, 1), (49, 2), (72, 2), (73, 3)])
def test_a_page_is_cut_once_it_has_more_than_its_groups(groups: int, pages: int) -> None:
    cache = filled(groups)
    refresh_whole(cache)

    assert [len(piece.content) for _, piece in cache.sections()] == [pages] * len(FAMILIES)


def test_half_refreshed_text_is_never_shown() -> None:
    cache = filled(500)
    refresh_whole(cache)
    cache.set(0, ("prod", "service-0000"), b"dora_deployments 1.0\n")
    cache.set(0, ("prod", "service-0499"), b"dora_deployments 2.0\n")
    cache.refresh(1)

    with pytest.raises(RuntimeError, match="before all changes are refreshed"):
        cache.sections()


def test_an_equal_value_changes_nothing() -> None:
    cache = filled(10)
    refresh_whole(cache)
    version, before = cache.version, [piece for _, piece in cache.sections()]

    cache.set(0, ("prod", "service-0004"), lines(0, ("prod", "service-0004"), {"7d": 4}))

    assert cache.refresh(0)
    assert cache.version == version
    assert all(old is new for old, (_, new) in zip(before, cache.sections(), strict=True))


def test_a_change_in_one_family_leaves_the_others_as_they_are() -> None:
    cache = filled(200)
    refresh_whole(cache)
    version, before = cache.version, [piece for _, piece in cache.sections()]

    cache.set(1, ("prod", "service-0100"), b"dora_change_failure_rate 1.0\n")

    refresh_whole(cache)
    assert cache.version != version
    after = [piece for _, piece in cache.sections()]
    assert [old is new for old, new in zip(before, after, strict=True)] == [True, False, True]


def test_a_group_is_known_from_its_first_lines_until_it_is_dropped() -> None:
    cache = TextCache(FAMILIES)
    cache.set(0, ("prod", "checkout"), b"")
    assert ("prod", "checkout") in cache
    assert len(cache) == 1

    cache.drop(("prod", "checkout"))
    cache.drop(("prod", "checkout"))

    assert ("prod", "checkout") not in cache
    assert len(cache) == 0
