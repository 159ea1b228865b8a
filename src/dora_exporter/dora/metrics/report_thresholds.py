"""The performance levels of DORA's yearly reports, as published: with their gaps, and where they are not in order.

Levels are clusters of one year's answers, not limits that hold for ever. Where a report gives a single figure for a
cluster (failure rates since 2023) it is read as "up to". Frequencies are per day, times in seconds, rates 0 to 1.
The ranges are those of the reports; ``performance_level.level`` opens the scale at both ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

HOUR = 3600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
MONTH = 30 * DAY
HALF_YEAR = 6 * MONTH
DAILY, WEEKLY, MONTHLY, HALF_YEARLY = 1.0, 1 / 7, 1 / 30, 1 / 180

LEVELS = {"elite": 4, "high": 3, "medium": 2, "low": 1}
"""The number of each level. The reports call them "elite performer" to "low performer"."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values of a level, both ends included."""

    least: float
    most: float


Limits = Mapping[str, Range]
"""The range of each level that the report has."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A year's report. ``recovery`` is of incidents until 2022, of failed deployments since."""

    frequency: Limits
    lead_time: Limits
    failure_rate: Limits
    recovery: Limits
    recovers_deployments: bool


def _to(most: float) -> Range:
    return Range(0, most)


_ON_DEMAND = Range(DAILY, inf)
_DAY_WEEK_MONTH = {"elite": _to(DAY), "high": Range(DAY, WEEK), "medium": Range(WEEK, MONTH)}

EDITIONS: Mapping[str, Edition] = {
    "2019": Edition(
        frequency={
            "elite": _ON_DEMAND,
            "high": Range(WEEKLY, DAILY),
            "medium": Range(MONTHLY, WEEKLY),
            "low": Range(HALF_YEARLY, MONTHLY),
        },
        lead_time={**_DAY_WEEK_MONTH, "low": Range(MONTH, HALF_YEAR)},
        failure_rate={"elite": _to(0.15), "high": _to(0.15), "medium": _to(0.15), "low": Range(0.46, 0.60)},
        recovery={"elite": _to(HOUR), "high": _to(DAY), "medium": _to(DAY), "low": Range(WEEK, MONTH)},
        recovers_deployments=False,
    ),
    "2021": Edition(
        frequency={
            "elite": _ON_DEMAND,
            "high": Range(MONTHLY, WEEKLY),
            "medium": Range(HALF_YEARLY, MONTHLY),
            "low": _to(HALF_YEARLY),
        },
        lead_time={
            "elite": _to(HOUR),
            "high": Range(DAY, WEEK),
            "medium": Range(MONTH, HALF_YEAR),
            "low": Range(HALF_YEAR, inf),
        },
        failure_rate={
            "elite": _to(0.15),
            "high": Range(0.16, 0.30),
            "medium": Range(0.16, 0.30),
            "low": Range(0.16, 0.30),
        },
        recovery={"elite": _to(HOUR), "high": _to(DAY), "medium": Range(DAY, WEEK), "low": Range(HALF_YEAR, inf)},
        recovers_deployments=False,
    ),
    "2022": Edition(
        frequency={
            "high": _ON_DEMAND,
            "medium": Range(MONTHLY, WEEKLY),
            "low": Range(HALF_YEARLY, MONTHLY),
        },
        lead_time={"high": Range(DAY, WEEK), "medium": Range(WEEK, MONTH), "low": Range(MONTH, HALF_YEAR)},
        failure_rate={"high": _to(0.15), "medium": Range(0.16, 0.30), "low": Range(0.46, 0.60)},
        recovery={"high": _to(DAY), "medium": Range(DAY, WEEK), "low": Range(WEEK, MONTH)},
        recovers_deployments=False,
    ),
    "2023": Edition(
        frequency={
            "elite": _ON_DEMAND,
            "high": Range(WEEKLY, DAILY),
            "medium": Range(MONTHLY, WEEKLY),
            "low": Range(MONTHLY, WEEKLY),
        },
        lead_time={**_DAY_WEEK_MONTH, "low": Range(WEEK, MONTH)},
        failure_rate={"elite": _to(0.05), "high": _to(0.10), "medium": _to(0.15), "low": _to(0.64)},
        recovery={"elite": _to(HOUR), "high": _to(DAY), "medium": Range(DAY, WEEK), "low": Range(MONTH, HALF_YEAR)},
        recovers_deployments=True,
    ),
    "2024": Edition(
        frequency={
            "elite": _ON_DEMAND,
            "high": Range(WEEKLY, DAILY),
            "medium": Range(MONTHLY, WEEKLY),
            "low": Range(HALF_YEARLY, MONTHLY),
        },
        lead_time={**_DAY_WEEK_MONTH, "low": Range(MONTH, HALF_YEAR)},
        failure_rate={"elite": _to(0.05), "high": _to(0.20), "medium": _to(0.10), "low": _to(0.40)},
        recovery={"elite": _to(HOUR), "high": _to(DAY), "medium": _to(DAY), "low": Range(WEEK, MONTH)},
        recovers_deployments=True,
    ),
}
"""The reports that give levels; since 2025 there are none."""
