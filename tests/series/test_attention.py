"""What needs attention: situations and what is found in them."""

from collections.abc import Sequence

import pytest
from tests.builders import HOUR_MS, NOW_MS

from dora_exporter.dora.events import DAY_MS, Series
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.attention import Finding, chosen, findings

SERIES = Series("shipping", "production")
WINDOW = Window("30d", 30 * DAY_MS, NOW_MS)


def deployed(
    days: Sequence[float], *, causes: Sequence[str] = (), lead_hours: float | None = None
) -> list[DeploymentFacts]:
    """Deployments so many days ago; the first ones failed, by these causes."""
    return [
        DeploymentFacts(
            NOW_MS - int(each * DAY_MS),
            "api",
            cause=causes[index] if index < len(causes) else None,
            lead_times=() if lead_hours is None else (int(lead_hours * HOUR_MS),),
        )
        for index, each in enumerate(days)
    ]


def suffered(*days: float, hours: float | None = None) -> list[IncidentFacts]:
    """Incidents that began so many days ago, open or over after some hours."""
    began = [NOW_MS - int(each * DAY_MS) for each in days]
    return [
        IncidentFacts(each, "api", None if hours is None else each + int(hours * HOUR_MS), attributed=True)
        for each in began
    ]


def found(deployments: Sequence[DeploymentFacts] = (), incidents: Sequence[IncidentFacts] = ()) -> dict[str, Finding]:
    """What is found, by kind."""
    measures = Measures()
    for each in deployments:
        measures.add_deployment(each)
    for one in incidents:
        measures.add_incident(one)
    return {each.kind: each for each in findings(SERIES, measures, WINDOW)}


RECENT = [1 + day for day in range(10)]
EARLIER = [31 + day for day in range(20)]


@pytest.mark.parametrize(
    ("deployments", "incidents", "needed"),
    [
        ([], [], []),
        (deployed(RECENT), [], []),
        (deployed(RECENT), suffered(0.5), ["open"]),
        ([*deployed(RECENT, causes=["revert"] * 3), *deployed(EARLIER)], [], ["failing"]),
        ([*deployed(RECENT, causes=["revert"] * 3), *deployed(EARLIER, causes=["revert"] * 5)], [], []),
        ([*deployed(RECENT, causes=["revert"] * 3), *deployed(EARLIER[:3])], [], []),
        (deployed(RECENT[:4], causes=["revert"] * 3), [], []),
        (deployed([*EARLIER]), [], ["overdue"]),
        (deployed([5 + day for day in range(40)]), [], []),
        (deployed([30, 45, 60, 75, 90, 105]), [], []),
        ([*deployed(RECENT, lead_hours=9), *deployed(EARLIER, lead_hours=4)], [], ["slow_lead_time"]),
        ([*deployed(RECENT, lead_hours=0.9), *deployed(EARLIER, lead_hours=0.1)], [], []),
        (deployed(RECENT), [*suffered(1, 2, 3, hours=6), *suffered(31, 32, 33, hours=2)], ["slow_restore"]),
        (deployed(RECENT), [*suffered(1, 2, hours=6), *suffered(31, 32, 33, hours=2)], []),
    ],
)
def test_a_situation_needs_attention_or_not(
    deployments: list[DeploymentFacts], incidents: list[IncidentFacts], needed: list[str]
) -> None:
    assert [kind for kind, each in found(deployments, incidents).items() if each.weight >= 1] == needed


def test_the_most_frequent_cause_is_named() -> None:
    finding = found([*deployed(RECENT, causes=["revert", "rollback", "revert"]), *deployed(EARLIER)])["failing"]

    assert (finding.cause, finding.count, finding.of, finding.value, finding.before) == ("revert", 3, 10, 0.3, 0)


def finding(kind: str, weight: float, service: str = "a") -> Finding:
    return Finding(kind=kind, series=Series(service, "production"), weight=weight, value=1)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([], []),
        ([("open", 4.0), ("overdue", 1.5), ("failing", 2.5), ("slow_restore", 0.2)], ["open", "failing", "overdue"]),
        (
            [("failing", 0.1), ("failing", 0.3), ("open", 4.0), ("slow_restore", 0.2)],
            ["open", "failing", "slow_restore"],
        ),
        ([("open", 4.0)] * 9, ["open"] * 7),
    ],
)
def test_three_to_seven_are_chosen_worst_first(given: list[tuple[str, float]], shown: list[str]) -> None:
    made = [finding(kind, weight, f"service-{index}") for index, (kind, weight) in enumerate(given)]
    assert [each.kind for each in chosen(made)] == shown
    assert [each.weight for each in chosen(made)] == sorted((each.weight for each in chosen(made)), reverse=True)
