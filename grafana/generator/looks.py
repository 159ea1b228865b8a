"""How the numbers of DORA look, wherever they stand."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grafana.generator import units
from grafana.generator.panels import Look

TOO_HIGH_RATIO = 0.3
"""From here on DoraChangeFailureRateHigh fires."""

FREQUENCY = Look(units.PER_DAY, 2)
DURATION = Look(units.DURATION, 1)
FAILURE_RATE = Look(units.RATIO, 1, colours={TOO_HIGH_RATIO: "red"})
RATIO = Look(units.RATIO, 1)
COUNT = Look(units.COUNT, 0)
OPEN = Look(units.COUNT, 0, colours={1: "orange"})
SINCE = Look(units.SINCE)

LEVELS: Mapping[str, tuple[str, str]] = {
    "4": ("elite performer", "green"),
    "3": ("high performer", "blue"),
    "2": ("medium performer", "yellow"),
    "1": ("low performer", "red"),
}
LEVEL = Look(texts=LEVELS)

ON_AN_AXIS = {
    "frequency": Look(units.PER_DAY),
    "hours": Look(units.HOURS),
    "ratio": Look(units.RATIO),
    "count": Look(units.COUNT, 0),
}


def linked(look: Look, *links: dict[str, Any]) -> Look:
    """The same look, of a number that leads somewhere."""
    return replace(look, links=links)
