"""Which incidents count, and which are one: examples worked out by hand."""

import asyncio

import pytest
from tests.builders import HOUR_MS, MINUTE_MS, NOW_MS, deployment, incident
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.events import Event, Incident, Series
from dora_exporter.dora.incident_rules import IncidentRules
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import METRICS, Explanation, explain

SEVERITIES = {"sev-1": 1, "sev-4": 4}
TEN_MINUTES = 10 * MINUTE_MS


class Numbers:
    """The numbers of the checkout series by rules about incidents."""

    def __init__(self, rules: IncidentRules, *events: Event, catalogue: Catalogue = NO_CATALOGUE) -> None:
        self.store = EventStore()
        self.store.apply_all(events)
        self.engine = Engine(
            self.store,
            Definitions(
                windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10, incidents=rules, catalogue=catalogue
            ),
        )
        asyncio.run(self.engine.load(NOW_MS))
        self.update()

    def update(self, now_ms: int = NOW_MS) -> None:
        while not self.engine.update(now_ms):
            pass

    def explained(self, name: str) -> Explanation:
        series = Series("checkout", "production")
        state = self.engine.state(series)
        assert state is not None
        measures = self.engine.aggregates.series[series].measures
        return asyncio.run(explain(state, measures, METRICS[name], self.engine.windows()[-1]))

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        return self.explained(name).values

    def reasons(self) -> dict[str, str]:
        return {each.id: each.reason for each in self.explained("dora_incidents").left_out}


def lasting(id_: str, began: int, ended: int | None, **changes: object) -> Incident:
    """An incident that began and ended some minutes after the beginning of the story, two days ago."""
    start = NOW_MS - 48 * HOUR_MS
    finished_at = None if ended is None else start + ended * MINUTE_MS
    return incident(id=id_, started_at=start + began * MINUTE_MS, finished_at=finished_at, **changes)


def test_by_default_every_incident_counts_and_none_has_a_severity() -> None:
    numbers = Numbers(IncidentRules(), lasting("a", 0, 0, severity="SEV-4"), lasting("b", 1, 2))
    assert numbers.values("dora_incidents") == {(): 2}
    assert numbers.values("dora_incidents_by_severity") == {}
    assert numbers.values("dora_time_to_restore_by_severity_seconds") == {}


def test_incidents_are_counted_and_timed_by_severity_in_any_letter_case() -> None:
    numbers = Numbers(
        IncidentRules(SEVERITIES),
        lasting("a", 0, 10, severity="SEV-1"),
        lasting("b", 0, 20, severity=" sev-1"),
        lasting("c", 0, 50, severity="odd"),
        lasting("d", 0, None),
    )
    assert numbers.values("dora_incidents_by_severity") == {("1",): 2, ("none",): 2}
    times = numbers.values("dora_time_to_restore_by_severity_seconds")
    assert {labels: value for labels, value in times.items() if "mean" in labels} == {
        ("1", "mean"): 900,
        ("none", "mean"): 3000,
    }


def test_an_incident_of_a_severity_that_does_not_count_is_kept_and_explained_and_blames_nobody() -> None:
    blamed = deployment(id="d", finished_at=NOW_MS - 50 * HOUR_MS)
    numbers = Numbers(
        IncidentRules(SEVERITIES, counted=frozenset({1, 2, 3})), blamed, lasting("ticket", 0, None, severity="SEV-4")
    )
    assert numbers.values("dora_incidents") == {(): 0}
    assert numbers.values("dora_change_failure_rate") == {(): 0}
    assert numbers.values("dora_incidents_by_severity") == {}
    assert numbers.reasons() == {"ticket": "its severity 4 is not one of incidents.counted_severities"}


def test_an_incident_without_a_known_severity_counts_unless_a_severity_is_given_to_all_of_these() -> None:
    odd = lasting("odd", 0, 10, severity="P5")
    assert Numbers(IncidentRules(SEVERITIES, counted=frozenset({1})), odd).values("dora_incidents") == {(): 1}
    strict = IncidentRules(SEVERITIES, counted=frozenset({1}), unknown_severity=5)
    assert Numbers(strict, odd).values("dora_incidents") == {(): 0}


def test_an_incident_whose_severity_changes_follows_it() -> None:
    numbers = Numbers(IncidentRules(SEVERITIES, counted=frozenset({1})), lasting("a", 0, 10, severity="SEV-4"))
    numbers.store.apply(lasting("a", 0, 10, severity="SEV-1"))
    numbers.update()
    assert numbers.values("dora_incidents_by_severity") == {("1",): 1}
    numbers.store.apply(lasting("a", 0, 10, severity="SEV-4"))
    numbers.update()
    assert numbers.values("dora_incidents") == {(): 0}


@pytest.mark.parametrize(("minutes", "counted"), [(4, 0), (5, 1), (6, 1), (None, 1)])
def test_an_incident_that_ended_too_soon_does_not_count_and_an_open_one_does(minutes: int | None, counted: int) -> None:
    numbers = Numbers(IncidentRules(minimum_ms=5 * MINUTE_MS), lasting("a", 0, minutes))
    assert numbers.values("dora_incidents") == {(): counted}
    reasons = {} if counted else {"a": "ended sooner after its beginning than incidents.minimum_duration"}
    assert numbers.reasons() == reasons


def test_an_incident_whose_end_lies_ahead_counts_until_that_shows_that_it_was_too_short() -> None:
    ends_at = NOW_MS + MINUTE_MS
    short = incident(started_at=NOW_MS - MINUTE_MS, finished_at=ends_at)
    numbers = Numbers(IncidentRules(minimum_ms=5 * MINUTE_MS), short)
    assert numbers.values("dora_incidents") == {(): 1}
    numbers.update(ends_at)
    assert numbers.values("dora_incidents") == {(): 0}


def test_an_incident_that_begins_soon_after_an_end_is_the_same_one_from_the_first_beginning_to_the_last_end() -> None:
    numbers = Numbers(
        IncidentRules(SEVERITIES, minimum_ms=25 * MINUTE_MS, reopened_within_ms=TEN_MINUTES),
        lasting("first", 0, 10, severity="SEV-4"),
        lasting("again", 20, 21, severity="SEV-1"),
        lasting("oncemore", 22, 30),
    )
    assert numbers.values("dora_incidents_by_severity") == {("1",): 1}
    assert numbers.values("dora_time_to_restore_seconds")["mean",] == 1800
    reason = "is one with first, reopened: it began within incidents.reopened_within after an end of that"
    assert numbers.reasons() == {"again": reason, "oncemore": reason}
    (counted,) = numbers.explained("dora_restored_incidents").incidents
    assert (counted.incident.id, counted.restore_ms) == ("first", 30 * MINUTE_MS)


@pytest.mark.parametrize(
    "second",
    [
        lasting("second", 9, 30),
        lasting("second", 21, 30),
        lasting("second", 12, 30, services=("checkout", "cart")),
        lasting("second", 12, 30, team="crew"),
    ],
    ids=["during the first", "too late", "of other services", "of another team"],
)
def test_another_incident_is_no_reopening(second: Incident) -> None:
    numbers = Numbers(IncidentRules(reopened_within_ms=TEN_MINUTES), lasting("first", 0, 10), second)
    assert numbers.values("dora_incidents") == {(): 2}


def test_of_several_that_ended_the_one_that_ended_last_is_continued_and_none_twice() -> None:
    numbers = Numbers(
        IncidentRules(reopened_within_ms=TEN_MINUTES),
        lasting("early", 0, 5),
        lasting("late", 1, 8),
        lasting("third", 9, 11),
        lasting("fourth", 10, 12),
        lasting("fifth", 10, 13),
    )
    reasons = numbers.reasons()
    assert {id_: reason.split(",")[0] for id_, reason in reasons.items()} == {
        "third": "is one with late",
        "fifth": "is one with early",
    }


def test_an_incident_that_was_reopened_is_open_and_falls_apart_when_what_joined_it_goes() -> None:
    numbers = Numbers(
        IncidentRules(reopened_within_ms=TEN_MINUTES), lasting("a", 0, 10), lasting("b", 15, 20), lasting("c", 25, None)
    )
    assert numbers.values("dora_restored_incidents") == {(): 0}
    numbers.store.apply(lasting("b", 60, 70))
    numbers.update()
    assert numbers.values("dora_restored_incidents") == {(): 2}
    assert numbers.reasons() == {}


def test_an_incident_is_reopened_under_another_name_of_its_service() -> None:
    renamed = Catalogue(
        services=(Entry("checkout", aliases=("Checkout", "a")),), environments=(Entry("production", ("PROD",)),)
    )
    numbers = Numbers(
        IncidentRules(reopened_within_ms=TEN_MINUTES),
        lasting("first", 0, 10, services=("cart", "checkout")),
        lasting("second", 12, 30, services=("a", "cart"), environment="PROD"),
        catalogue=renamed,
    )
    assert numbers.values("dora_incidents") == {(): 1}
