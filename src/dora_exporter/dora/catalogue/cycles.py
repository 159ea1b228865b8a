"""Finds families of names that rename each other in a circle."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dora_exporter.dora.catalogue.glob import as_glob, literals, overlap, references
from dora_exporter.dora.catalogue.spellings import Entry


class FamilyRule(NamedTuple):
    """A glob of a family, its place among the aliases, and what names it gives."""

    key: str
    place: int
    glob: str
    template: str

    def grows(self, character: str) -> int:
        """By how many the names get more of a character, at most; of characters altogether for an empty one."""
        numbers = references(self.template)
        if len(numbers) > len(set(numbers)):
            return len(self.template)
        after, before = Counter(literals(self.template)), Counter(literals(self.glob))
        return after[character] - before[character] if character else after.total() - before.total()


def endless(families: Iterable[Entry]) -> Sequence[FamilyRule]:
    """A cycle of rules that need not come to an end, each with the next; empty where there is none.

    A rule that takes something away which no other one in a cycle gives back is followed only so often.
    """
    rules = [
        FamilyRule(entry.key, place, glob, entry.template or "")
        for entry in families
        for place, glob in enumerate(entry.aliases)
    ]
    while rules:
        cycles = [cycle for rule in rules if (cycle := _cycle(rules, rule))]
        inside = {rule for cycle in cycles for rule in cycle}
        lasting = [rule for rule in rules if rule in inside and not _comes_to_an_end(rule, inside)]
        if len(lasting) == len(rules):
            return cycles[0]
        rules = lasting
    return ()


def _comes_to_an_end(rule: FamilyRule, inside: Iterable[FamilyRule]) -> bool:
    characters = ("", *literals(rule.glob))
    return any(rule.grows(each) < 0 and all(other.grows(each) <= 0 for other in inside) for each in characters)


def _cycle(rules: Sequence[FamilyRule], start: FamilyRule) -> Sequence[FamilyRule]:
    """The shortest way from a rule to itself, through others if it ends alone; empty without one."""
    ends_alone = _comes_to_an_end(start, [start])
    ways: dict[FamilyRule, tuple[FamilyRule, ...]] = {}
    queue: list[tuple[FamilyRule, ...]] = [(start,)]
    for way in queue:
        made = as_glob(way[-1].template)
        for following in rules:
            if overlap(made, following.glob):
                if following == start and (len(way) > 1 or not ends_alone):
                    return way
                if following != start and following not in ways:
                    ways[following] = (*way, following)
                    queue.append(ways[following])
    return ()
