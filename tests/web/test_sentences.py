"""How what needs attention is worded."""

import pytest
from tests.builders import NOW_MS

from dora_exporter.dora.events import DAY_MS, Series
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.attention import Finding
from dora_exporter.web.pages.formatting import spoken
from dora_exporter.web.pages.sentences import sentences

WINDOW = Window("7d", 7 * DAY_MS, NOW_MS)
SHIPPING = Series("shipping", "production")


@pytest.mark.parametrize(
    ("kind", "facts", "text", "metric"),
    [
        ("open", {"value": 7200, "count": 1}, "an incident has been open for 2 hours", "dora_incidents"),
        ("open", {"value": 86400, "count": 2}, "2 incidents are open, the oldest for 1 day", "dora_incidents"),
        (
            "failing",
            {"value": 0.25, "before": 0.14, "count": 3, "of": 12, "cause": "revert"},
            "failure rate 25% over 7d, 14% before: 3 of 12 deployments, mostly reverts",
            "dora_change_failure_rate",
        ),
        (
            "failing",
            {"value": 0.1, "count": 1, "of": 10, "cause": "rollback"},
            "failure rate 10% over 7d: 1 of 10 deployments, by a rollback",
            "dora_change_failure_rate",
        ),
        (
            "overdue",
            {"value": 21 * 86400, "before": 4 * 86400},
            "not deployed for 21 days, usually every 4 days",
            "dora_deployments",
        ),
        (
            "slow_lead_time",
            {"value": 7200, "before": 3600},
            "lead time 2 hours over 7d, 1 hour before",
            "dora_change_lead_time_seconds",
        ),
        ("slow_restore", {"value": 7200}, "time to restore 2 hours over 7d", "dora_time_to_restore_seconds"),
    ],
)
def test_a_finding_is_a_sentence(kind: str, facts: dict[str, object], text: str, metric: str) -> None:
    made = Finding(kind=kind, series=SHIPPING, weight=2, **facts)  # type: ignore[arg-type]  # facts of every type
    (said,) = sentences([made], WINDOW, failing_sources=(), broken_series=0)

    assert (said.subject, said.environment, said.text, said.metric) == (*SHIPPING, text, metric)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\N{EN DASH}"),
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "1.5 minutes"),
        (2106, "35 minutes"),
        (3600, "1 hour"),
        (86_400 * 7.3, "7.3 days"),
        (86_400 * 17.3, "17 days"),
    ],
)
def test_a_duration_is_said_as_people_do(seconds: float | None, text: str) -> None:
    assert spoken(seconds) == text


def test_what_keeps_numbers_from_being_right_comes_first() -> None:
    made = [Finding(kind="open", series=SHIPPING, weight=4, value=60, count=1)] * 7
    said = sentences(made, WINDOW, failing_sources=["on-call"], broken_series=2)

    assert [(each.subject, each.path) for each in said[:3]] == [
        ("on-call", "sources"),
        ("2 series", ""),
        ("shipping", ""),
    ]
    assert len(said) == 7
