"""The levels of DORA's reports: for each metric the ranges from elite, 4, to low, 1, as they were published."""

from math import inf

HOUR, DAY, WEEK, MONTH, HALF_YEAR = 3600, 86400, 7 * 86400, 30 * 86400, 180 * 86400
Ranges = dict[int, tuple[float, float]]
_TIMES: Ranges = {4: (0, DAY), 3: (DAY, WEEK), 2: (WEEK, MONTH)}
_RATES_BEFORE_2023: Ranges = {4: (0, 0.15), 3: (0.16, 0.30), 2: (0.16, 0.30), 1: (0.16, 0.30)}

FREQUENCY: dict[str, Ranges] = {
    "2019": {4: (1, inf), 3: (1 / 7, 1), 2: (1 / 30, 1 / 7), 1: (1 / 180, 1 / 30)},
    "2021": {4: (1, inf), 3: (1 / 30, 1 / 7), 2: (1 / 180, 1 / 30), 1: (0, 1 / 180)},
    "2022": {3: (1, inf), 2: (1 / 30, 1 / 7), 1: (1 / 180, 1 / 30)},
    "2023": {4: (1, inf), 3: (1 / 7, 1), 2: (1 / 30, 1 / 7), 1: (1 / 30, 1 / 7)},
    "2024": {4: (1, inf), 3: (1 / 7, 1), 2: (1 / 30, 1 / 7), 1: (1 / 180, 1 / 30)},
}
LEAD_TIME: dict[str, Ranges] = {
    "2019": {**_TIMES, 1: (MONTH, HALF_YEAR)},
    "2021": {4: (0, HOUR), 3: (DAY, WEEK), 2: (MONTH, HALF_YEAR), 1: (HALF_YEAR, inf)},
    "2022": {3: (DAY, WEEK), 2: (WEEK, MONTH), 1: (MONTH, HALF_YEAR)},
    "2023": {**_TIMES, 1: (WEEK, MONTH)},
    "2024": {**_TIMES, 1: (MONTH, HALF_YEAR)},
}
FAILURE_RATE: dict[str, Ranges] = {
    "2019": {4: (0, 0.15), 3: (0, 0.15), 2: (0, 0.15), 1: (0.46, 0.60)},
    "2021": _RATES_BEFORE_2023,
    "2022": {3: (0, 0.15), 2: (0.16, 0.30), 1: (0.46, 0.60)},
    "2023": {4: (0, 0.05), 3: (0, 0.10), 2: (0, 0.15), 1: (0, 0.64)},
    "2024": {4: (0, 0.05), 3: (0, 0.20), 2: (0, 0.10), 1: (0, 0.40)},
}
RECOVERY: dict[str, Ranges] = {
    "2019": {4: (0, HOUR), 3: (0, DAY), 2: (0, DAY), 1: (WEEK, MONTH)},
    "2021": {4: (0, HOUR), 3: (0, DAY), 2: (DAY, WEEK), 1: (HALF_YEAR, inf)},
    "2022": {3: (0, DAY), 2: (DAY, WEEK), 1: (WEEK, MONTH)},
    "2023": {4: (0, HOUR), 3: (0, DAY), 2: (DAY, WEEK), 1: (MONTH, HALF_YEAR)},
    "2024": {4: (0, HOUR), 3: (0, DAY), 2: (0, DAY), 1: (WEEK, MONTH)},
}
"""Of incidents until 2022, of failed deployments since."""


def levels(edition: str, values: dict[tuple[str, str], float]) -> dict[str, int]:
    """The level of each metric, by the values of gauges; of a gauge with a statistic that is the median."""
    is_of_deployments = edition in {"2023", "2024"}
    judged = {
        "deployment_frequency": (FREQUENCY, "deployment_frequency_per_day", True),
        "change_lead_time": (LEAD_TIME, "change_lead_time_seconds", False),
        "change_failure_rate": (FAILURE_RATE, "change_failure_rate", False),
    }
    if is_of_deployments:
        judged["failed_deployment_recovery_time"] = (RECOVERY, "failed_deployment_recovery_time_seconds", False)
    else:
        judged["time_to_restore"] = (RECOVERY, "time_to_restore_seconds", False)
    found = {}
    for name, (tables, gauge, more_is_better) in judged.items():
        for (shown, statistic), value in values.items():
            if shown == gauge and statistic in {"", "median"}:
                level = _level(value, tables[edition], more_is_better=more_is_better)
                if level is not None:
                    found[name] = level
    return found


def _level(value: float, ranges: Ranges, *, more_is_better: bool) -> int | None:
    within = [level for level, (least, most) in ranges.items() if least <= value <= most]
    if within:
        return max(within)
    is_above = value > max(most for _, most in ranges.values())
    is_below = value < min(least for least, _ in ranges.values())
    if is_above or is_below:
        return max(ranges) if is_above == more_is_better else min(ranges)
    return None
