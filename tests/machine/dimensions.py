"""Values of dimensions: which tags give them, and which have names of their own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from sys import maxsize

from tests.machine.facts import Deployed, Line, Suffered, Terms, freed

FAMILIES = (
    "deployment_frequency_per_day",
    "deployments",
    "change_lead_time_seconds",
    "lead_time_commits",
    "change_failure_rate",
    "failed_deployments",
    "time_to_restore_seconds",
    "restored_incidents",
    "incidents",
)
"""The four metrics and their counts."""


def values_of(each: Deployed | Suffered, terms: Terms) -> set[str]:
    """Of each dimension, with its name, the value of the first tag that has one."""
    found = set()
    for dimension in terms.dimensions:
        values = [tag.partition(":")[2] for tag in each.tags if tag.partition(":")[0] == dimension]
        found |= {f"{dimension}:{freed(value)}" for value in [one for one in values if one][:1]}
    return found


def labelled(
    known: Collection[Line], first: Mapping[str, int], environments: Sequence[str], terms: Terms
) -> dict[Line, Line]:
    """The names of values and environments: the first values keep theirs, and all that is not in too late environments.

    ``first`` is the moment of the first event of each value, ``environments`` are in the order in which they appeared.
    """
    in_order = sorted(known, key=lambda pair: (environments.index(pair[1]), *pair[0].split(":", 1), pair[1]))
    kept = {each for dimension in terms.dimensions for each in _first(dimension, known, first, terms.values_limit)}
    names: dict[Line, Line] = {}
    for value, environment in known:
        other = f"{value.partition(':')[0]}:_other"
        if (value, environment) not in in_order[: terms.series_limit]:
            names[value, environment] = other, "_other"
        else:
            names[value, environment] = value if value in kept else other, environment
    return names


def _first(dimension: str, known: Iterable[Line], first: Mapping[str, int], limit: int) -> list[str]:
    rivals = {value for value, _ in known if value.startswith(f"{dimension}:")}
    return sorted(rivals, key=lambda value: (first.get(value, maxsize), value))[:limit]


def labels_of(kind: str, rollup: Line) -> dict[str, str]:
    """The labels of a team, a group or a value in an environment."""
    name, environment = rollup
    if kind != "dimension":
        return {kind: name, "environment": environment}
    dimension, _, value = name.partition(":")
    return {"dimension": dimension, "value": value, "environment": environment}
