"""Numbers, times and names in words for people."""

from datetime import UTC, datetime

NO_DATA = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_POINT, _TENTH = 0.01, 0.1
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
FIGURE_NAMES = {
    "deployment_frequency": "Deployments per day",
    "change_lead_time": "Change lead time",
    "change_failure_rate": "Change failure rate",
    "time_to_restore": "Time to restore",
    "failed_deployment_recovery_time": "Failed deployment recovery",
}
"""Titles of the numbers."""
FIGURE_METRICS = {
    "deployment_frequency": "dora_deployment_frequency_per_day",
    "change_lead_time": "dora_change_lead_time_seconds",
    "change_failure_rate": "dora_change_failure_rate",
    "time_to_restore": "dora_time_to_restore_seconds",
    "failed_deployment_recovery_time": "dora_failed_deployment_recovery_time_seconds",
}
"""The gauge that explains each number."""
CAUSES = {
    "verdict": "set by hand or by API",
    "rollback": "rolled back",
    "revert": "one of its commits was reverted",
    "rule": "fixed by a later deployment",
    "incident": "an incident is attributed to it",
}
"""Why a deployment is known to have failed."""


def duration(seconds: float | None) -> str:
    """A duration in the largest unit that it reaches."""
    if seconds is None:
        return NO_DATA
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def spoken(seconds: float | None) -> str:
    """A duration as a sentence has it: in whole units from ten of them on."""
    if seconds is None:
        return NO_DATA
    unit, length = next((each for each in _UNITS if seconds >= each[1]), _UNITS[-1])
    number = f"{seconds / length:.0f}" if seconds >= 10 * length else f"{seconds / length:.1f}".removesuffix(".0")
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"


def amount(value: float | None, metric: str) -> str:
    """A sample of a gauge in the unit that its name tells."""
    if value is None:
        return NO_DATA
    if metric.endswith("_seconds"):
        return duration(value)
    if metric.endswith("_rate"):
        return f"{value:.1%}"
    return f"{value:.2f}" if metric.endswith("_per_day") else f"{value:,.0f}"


def figure(value: float | None, name: str) -> str:
    """One of the numbers of a series."""
    return amount(value, FIGURE_METRICS[name])


def change(value: float | None, before: float | None, name: str) -> str:
    """How one of the numbers differs from that of the window before: a ratio, or percentage points of a rate."""
    if value is None or before is None:
        return "nothing to compare with"
    if name.endswith("_rate"):
        points = round((value - before) * 100, 1)
        return f"{points:+.1f} points, from {before:.1%}".replace("-", _MINUS) if points else "as before"
    if not before:
        return f"from {figure(before, name)}"
    share = round((value / before - 1) * 100)
    return f"{share:+,d}%, from {figure(before, name)}".replace("-", _MINUS) if share else "as before"


def is_worse(value: float | None, before: float | None, name: str) -> bool:
    """Whether one of the numbers is worse than before: by a point of a rate, or by a tenth."""
    if value is None or before is None:
        return False
    if name.endswith("_rate"):
        return value - before >= _POINT
    if name == "deployment_frequency":
        return value <= before * (1 - _TENTH)
    return value >= before * (1 + _TENTH) and value > before


def metric_title(name: str) -> str:
    """The title of a gauge."""
    words = name.removeprefix("dora_").removesuffix("_seconds").replace("_", " ")
    return words[:1].upper() + words[1:]


def moment(at_ms: int) -> str:
    """A moment to the minute, in UTC."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M")


def moment_to_the_second(at_ms: int) -> str:
    """A moment to the second, in UTC."""
    return f"{moment(at_ms)}:{at_ms // 1000 % 60:02}"


def ago(at_ms: int, now_ms: int) -> str:
    """The time since a moment."""
    return f"{duration(max(0, now_ms - at_ms) / 1000)} ago"
