"""Differences of what is reachable, against sets made by brute force."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.commits.git.commit_graph import Graph, ReachedCommit

Parents = dict[int, tuple[int, ...]]


@st.composite
def pasts(draw: st.DrawFn) -> Parents:
    """Commits by number with their parents, which have lower numbers. Some of the parents are not among them."""
    size = draw(st.integers(1, 25))
    made = {
        number: tuple(draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True))) if number else ()
        for number in range(size)
    }
    absent = draw(st.sets(st.integers(0, size - 1), max_size=size // 3))
    return {number: parents for number, parents in made.items() if number not in absent}


def name(number: int) -> str:
    return f"{number:040x}"


def reachable(past: Parents, start: int) -> set[int]:
    found: set[int] = set()
    waiting = [start]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(past.get(each, ()))
    return found


def graph_of(past: Parents, order: Sequence[int], *, at_once: int = 1000) -> Graph:
    graph = Graph()
    for start in range(0, len(order), at_once):
        graph.add(
            (bytes.fromhex(name(each)), tuple(bytes.fromhex(name(parent)) for parent in past[each]))
            for each in order[start : start + at_once]
        )
    return graph


@given(data=st.data(), past=pasts().filter(bool), at_once=st.integers(1, 30))
def test_a_difference_is_that_of_the_sets_of_ancestors(data: st.DataObject, past: Parents, at_once: int) -> None:
    graph = graph_of(past, data.draw(st.permutations(sorted(past))), at_once=at_once)
    head = data.draw(st.sampled_from(sorted(past)))
    excluded = data.draw(st.lists(st.integers(0, 25), max_size=4))
    expected = reachable(past, head).difference(*(reachable(past, each) for each in excluded))
    found = graph.difference(name(head), map(name, excluded))
    assert {each.sha for each in found.commits} == {name(each) for each in expected & past.keys()}
    assert found.absent == len(expected - past.keys())
    assert all(len(past[int(each.sha, 16)]) == each.parents for each in found.commits)
    assert len(graph) == len(past)


@given(data=st.data(), past=pasts().filter(bool))
def test_children_come_before_their_parents(data: st.DataObject, past: Parents) -> None:
    graph = graph_of(past, data.draw(st.permutations(sorted(past))))
    head = data.draw(st.sampled_from(sorted(past)))
    listed = [int(each.sha, 16) for each in graph.difference(name(head), ()).commits]
    assert len(set(listed)) == len(listed)
    for place, each in enumerate(listed):
        assert not set(listed[:place]) & set(past[each])


def test_a_commit_that_was_missing_is_found_to_fill_a_hole() -> None:
    past: Parents = {0: (), 1: (0,), 2: (1,), 3: (2,)}
    graph = graph_of(past, [3, 1])
    assert graph.difference(name(3), [name(0)]).absent == 1
    assert not graph.add([(bytes.fromhex(name(9)), ())])
    assert graph.add([(bytes.fromhex(name(2)), (bytes.fromhex(name(1)),))])
    assert graph.difference(name(3), [name(1)]).commits == (ReachedCommit(name(3), 1), ReachedCommit(name(2), 1))


def test_commits_that_come_children_first_fill_no_hole() -> None:
    past: Parents = {0: (), 1: (0,), 2: (1,)}
    graph = Graph()
    assert not graph.add((bytes.fromhex(name(n)), tuple(bytes.fromhex(name(p)) for p in past[n])) for n in (2, 1, 0))


def test_only_commits_that_are_here_are_contained() -> None:
    graph = graph_of({1: (0,)}, [1])
    assert name(1) in graph
    assert name(0) not in graph
    assert name(5) not in graph


@given(data=st.data(), past=pasts().filter(bool))
def test_the_first_to_reach_a_commit_is_that_of_the_sets_of_ancestors(data: st.DataObject, past: Parents) -> None:
    graph = graph_of(past, data.draw(st.permutations(sorted(past))))
    heads = data.draw(st.lists(st.integers(0, 25), max_size=5))
    wanted = data.draw(st.sets(st.integers(0, 25), max_size=5))
    reached = [reachable(past, head) if head in past else set() for head in heads]
    expected = {
        name(each): next(place for place, those in enumerate(reached) if each in those)
        for each in wanted & past.keys()
        if any(each in those for those in reached)
    }
    assert graph.first_to_reach([*map(name, heads)], map(name, wanted)) == expected
