"""Words the numbers of services in a period, and in the one before, as a report in Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dora_exporter.runtime.timestamps import iso
from dora_exporter.web.api.schema.number_answer import NumbersOfSubject
from dora_exporter.web.pages.formatting import duration

LEAST_DEPLOYMENTS = 5
MOST_LINES = 5
_POINTS = 0.1
_TIMES = 1.5
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#&~])")
_DURATIONS = {
    "dora_change_lead_time_seconds": "lead time",
    "dora_time_to_restore_seconds": "time to restore",
}


@dataclass(frozen=True, slots=True)
class Period:
    """The time from ``start_ms`` to ``end_ms``; ``text`` is its length."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Service:
    """A service in an environment: its values in the period and in the one before, empty where it had no event."""

    name: str
    now: dict[str, Any]
    before: dict[str, Any]

    def rate(self) -> float | None:
        """The failure rate of the period, where there are enough deployments to speak of it."""
        return self._rate(self.now)

    def rate_before(self) -> float | None:
        """The failure rate of the period before, where there are enough deployments to speak of it."""
        return self._rate(self.before)

    def median(self, metric: str) -> float | None:
        """The median of a duration in seconds."""
        return _median(self.now, metric)

    def median_before(self, metric: str) -> float | None:
        """The median of the period before, in seconds."""
        return _median(self.before, metric)

    @staticmethod
    def _rate(values: dict[str, Any]) -> float | None:
        enough = values.get("dora_deployments", 0) >= LEAST_DEPLOYMENTS
        return values["dora_change_failure_rate"] if enough else None


def _median(values: dict[str, Any], metric: str) -> float | None:
    statistics: dict[str, float | None] = values.get(metric) or {}
    return statistics.get("median")


def digest(results: Iterable[NumbersOfSubject], period: Period, *, tier: str) -> str:
    """The report. It depends on nothing but these numbers."""
    services = [_service(each, period) for each in results]
    title = f"# Delivery from {iso(period.start_ms)[:10]} to {iso(period.end_ms)[:10]}"
    scope = f"{len(services):,} services in {tier or 'all tiers'}, compared with the {period.text} before."
    sections = [
        ("What changed", _changes(services)),
        ("Worst", _worst(services)),
        ("Best", _best(services)),
        ("Open", _open(services)),
    ]
    parts = [title, scope, "\n".join(_sums(services, period))]
    for heading, lines in sections:
        parts += [f"## {heading}", "\n".join(f"* {line}" for line in lines) or "Nothing."]
    return "\n\n".join(parts) + "\n"


def _service(result: NumbersOfSubject, period: Period) -> Service:
    values = {each.until: dict(each.values) for each in result.numbers}
    name = f"**{_plain(result.service or '')}** ({_plain(result.environment)})"
    return Service(name, values.get(iso(period.end_ms), {}), values.get(iso(period.start_ms), {}))


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _sums(services: Sequence[Service], period: Period) -> Iterator[str]:
    now, before = [each.now for each in services], [each.before for each in services]
    yield f"| | {period.text} | before |"
    yield "| --- | ---: | ---: |"
    for words, metric in (
        ("Deployments", "dora_deployments"),
        ("Failed deployments", "dora_failed_deployments"),
        ("Incidents", "dora_incidents"),
        ("Open incidents", "dora_open_incidents"),
    ):
        yield f"| {words} | {_sum(now, metric):,} | {_sum(before, metric):,} |"
    yield f"| Change failure rate | {_share(now)} | {_share(before)} |"


def _sum(values: Sequence[dict[str, Any]], metric: str) -> int:
    return sum(int(each.get(metric) or 0) for each in values)


def _share(values: Sequence[dict[str, Any]]) -> str:
    deployments = _sum(values, "dora_deployments")
    return f"{_sum(values, 'dora_failed_deployments') / deployments:.1%}" if deployments else "no data"


def _changes(services: Sequence[Service]) -> list[str]:
    """The largest changes to the worse or the better, by how many times or points."""
    found: list[tuple[float, str]] = []
    for each in services:
        rate, before = each.rate(), each.rate_before()
        if rate is not None and before is not None and abs(rate - before) >= _POINTS:
            line = f"{each.name}: failure rate {rate:.0%}, {before:.0%} before"
            found.append((abs(rate - before) * 10, line))
        for metric, words in _DURATIONS.items():
            now, then = each.median(metric), each.median_before(metric)
            if now and then and max(now, then) >= _TIMES * min(now, then):
                line = f"{each.name}: {words} {duration(now)}, {duration(then)} before"
                found.append((max(now, then) / min(now, then), line))
    return _top(found)


def _worst(services: Sequence[Service]) -> list[str]:
    rates = [(rate, each) for each in services if (rate := each.rate())]
    lines = _top([(rate, f"{each.name}: failure rate {rate:.0%}, {_counts(each)}") for rate, each in rates], 3)
    for metric, words in _DURATIONS.items():
        slowest = [
            (value, f"{each.name}: {words} {duration(value)}") for each in services if (value := each.median(metric))
        ]
        lines += _top(slowest, 1)
    return lines


def _counts(service: Service) -> str:
    return f"{service.now['dora_failed_deployments']:,.0f} of {service.now['dora_deployments']:,.0f} deployments"


def _best(services: Sequence[Service]) -> list[str]:
    flawless = [
        (each.now["dora_deployments"], f"{each.name}: {each.now['dora_deployments']:,.0f} deployments, none failed")
        for each in services
        if each.rate() == 0
    ]
    metric = "dora_change_lead_time_seconds"
    fastest = [
        (-value, f"{each.name}: lead time {duration(value)}") for each in services if (value := each.median(metric))
    ]
    return _top(flawless, 3) + (_top(fastest, 1) if len(fastest) > 1 else [])  # the only one is told as the slowest


def _open(services: Sequence[Service]) -> list[str]:
    found = []
    for each in services:
        since = each.now.get("dora_oldest_open_incident_timestamp_seconds")
        if since is not None:
            count = each.now["dora_open_incidents"]
            incidents = "an incident" if count == 1 else f"{count:,.0f} incidents, the oldest"
            found.append((-since, f"{each.name}: {incidents} since {iso(int(since * 1000))[:16].replace('T', ' ')}"))
    return _top(found, len(found))


def _top(found: Sequence[tuple[float, str]], most: int = MOST_LINES) -> list[str]:
    return [line for _, line in sorted(found, key=lambda each: (-each[0], each[1]))[:most]]
