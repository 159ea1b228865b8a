"""Words for performance levels that cannot be read as a rate: which of the levels of the report a value reaches."""

from collections.abc import Mapping
from functools import cache

from dora_exporter.dora.metrics.report_thresholds import EDITIONS, LEVELS

_ORDINALS = ("best", "2nd", "3rd")


@cache
def scale(edition: str) -> Mapping[str, str]:
    """The levels of a report from best to worst, by their names in the report."""
    limits = EDITIONS[edition].frequency
    best_first = sorted(limits, key=LEVELS.__getitem__, reverse=True)
    words = [*_ORDINALS[: len(best_first) - 1], "worst"]
    return {name: f"{word} level" for name, word in zip(best_first, words, strict=True)}


def level(number: int, edition: str) -> str:
    """The words for a level."""
    name = next(name for name, each in LEVELS.items() if each == number)
    return scale(edition)[name]


def missing(edition: str) -> str:
    """A sentence about the levels that a report does not have; empty where it has all."""
    names = [name for name in LEVELS if name not in EDITIONS[edition].frequency]
    return (
        f"DORA\N{RIGHT SINGLE QUOTATION MARK}s report of {edition} has no {' and no '.join(names)} level."
        if names
        else ""
    )
