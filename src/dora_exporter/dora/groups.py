"""The tree of groups: divisions, products, or whatever services and teams are counted together as."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups by name: the one above each, and those of services and of teams. The tree has to be one: see the settings.

    Services have the names that they have in numbers.
    """

    above: Mapping[str, str | None] = field(default_factory=dict)
    of_services: Mapping[str, str] = field(default_factory=dict)
    of_teams: Mapping[str, str] = field(default_factory=dict)

    def of(self, service: str | None, team: str | None) -> tuple[str, ...]:
        """The group of a service, else that of its team, and those above it."""
        return self.way_up(self.of_services.get(service or "") or self.of_teams.get(team or ""))

    def way_up(self, group: str | None) -> tuple[str, ...]:
        """A group and those above it."""
        way = []
        while group is not None:
            way.append(group)
            group = self.above[group]
        return tuple(way)


def problem_above(above: Mapping[str, str | None], group: str) -> str | None:
    """What is wrong with the way up from a group, as far as it is known; None for a group in a tree."""
    way = [group]
    while (parent := above[way[-1]]) is not None:
        if parent not in above:
            return None
        way.append(parent)
        if parent == group:
            return f"a group cannot be within itself: {' -> '.join(way)}"
        if parent in way[:-1]:
            return None
        if len(way) > MOST_LEVELS:
            return f"is more than {MOST_LEVELS} levels deep: {' -> '.join(way)}"
    return None
