"""What is beyond the limit is measured together, and only there."""

from dora_exporter.dora.measures import DeploymentFacts
from dora_exporter.dora.plain_facts import PlainFacts
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.folding import Folding
from dora_exporter.series.series_limit import OneLimit


def folding(limit: int) -> Folding:
    return Folding(OneLimit(Aggregate({"team": "_other", "environment": "_other"}), limit), {})


def surplus_of(folding: Folding) -> Aggregate:
    (surplus,) = folding.surpluses
    return surplus


def group(name: str, *moments: int) -> Aggregate:
    made = Aggregate({"team": name, "environment": "production"})
    for moment in moments:
        made.measures.add_deployment(DeploymentFacts(moment, "api"))
    return made


def test_who_appeared_first_keeps_its_place_whatever_its_name_and_whenever_it_enters() -> None:
    teams, first, second, third = folding(2), group("z", 1), group("y", 2), group("a", 3)

    for rank, each in ((1, second), (2, third), (0, first)):
        teams.enter(rank, each)
    list(teams.settling())

    assert [teams.is_folded(each) for each in (first, second, third)] == [False, False, True]
    assert list(surplus_of(teams).measures.deployments) == [3]
    assert (len(teams), teams.folded) == (3, 1)


def test_who_leaves_makes_room_for_the_next() -> None:
    teams, first, second, third = folding(1), group("z", 1), group("y", 2), group("a", 3)
    for rank, each in enumerate((first, second, third)):
        teams.enter(rank, each)
    list(teams.settling())

    teams.leave(first)
    list(teams.settling())

    assert [teams.is_folded(each) for each in (first, second, third)] == [False, False, True]
    assert list(surplus_of(teams).measures.deployments) == [3]


def test_a_folded_one_that_leaves_takes_its_measurements_along() -> None:
    teams, first, second = folding(1), group("z", 1), group("y", 2)
    for rank, each in enumerate((first, second)):
        teams.enter(rank, each)
    list(teams.settling())

    teams.leave(second)
    list(teams.settling())

    assert (len(teams), teams.folded, len(surplus_of(teams).measures.deployments)) == (1, 0, 0)


def test_many_deployments_are_added_to_their_groups_and_to_the_surplus_of_the_folded_ones() -> None:
    teams, first, second, third = folding(1), group("z"), group("y"), group("a")
    for rank, each in enumerate((first, second, third)):
        teams.enter(rank, each)
    list(teams.settling())

    list(teams.extending({each: [PlainFacts([number], [], {})] for number, each in enumerate((first, second, third))}))

    assert [list(each.measures.deployments) for each in (first, second, third)] == [[0], [1], [2]]
    assert list(surplus_of(teams).measures.deployments) == [1, 2]


def test_who_gets_many_deployments_at_once_is_shown_anew_and_so_is_the_surplus() -> None:
    changed: dict[Aggregate, None] = {}
    teams, first, second = Folding(OneLimit(group("_other"), 1), changed), group("z"), group("y")
    for rank, each in enumerate((first, second)):
        teams.enter(rank, each)
    list(teams.settling())
    changed.clear()

    list(teams.extending({first: [PlainFacts([1], [], {})]}))
    assert list(changed) == [first]

    list(teams.extending({second: [PlainFacts([2], [], {})]}))
    assert set(changed) == {first, second, surplus_of(teams)}
