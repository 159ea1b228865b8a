"""When everything is read anew, and when only what is new."""

import pytest
from tests.builders import HOUR_MS, NOW_MS
from tests.sources.account import an_account

from dora_exporter.dora.events import DAY_MS
from dora_exporter.sources.pagerduty.poll_window import Plan
from dora_exporter.sources.pagerduty.rows import IncidentRow, Reference, reported_incident
from dora_exporter.sources.pagerduty.settings import PagerDutySettings


@pytest.mark.parametrize(
    ("memory", "is_relist"),
    [
        ({}, True),
        ({"cursor": NOW_MS}, True),
        ({"cursor": NOW_MS, "relisted": NOW_MS}, False),
        ({"cursor": NOW_MS, "relisted": NOW_MS - DAY_MS + 1}, False),
        ({"cursor": NOW_MS, "relisted": NOW_MS - DAY_MS}, True),
        ({"cursor": NOW_MS + 1, "relisted": NOW_MS}, True),
        ({"cursor": NOW_MS, "relisted": NOW_MS + 1}, True),
    ],
)
def test_everything_is_read_at_first_once_a_day_and_after_the_clock_stepped_back(
    memory: dict[str, int], *, is_relist: bool
) -> None:
    plan = Plan.of(memory, PagerDutySettings(relist="24h"), backfill_ms=90 * DAY_MS, now_ms=NOW_MS)
    assert plan.is_relist == is_relist
    assert plan.since == NOW_MS - (90 * DAY_MS if is_relist else HOUR_MS)
    assert plan.memory() == {"cursor": NOW_MS, "relisted": NOW_MS if is_relist else memory["relisted"]}


def test_teams_that_come_in_another_order_are_no_change() -> None:
    rows = [
        IncidentRow("Q1", created_at="2025-06-15T15:00:00Z", teams=tuple(Reference(f"T{n}") for n in order))
        for order in (range(9), range(8, -1, -1))
    ]
    one, other = (reported_incident(row, now_ms=NOW_MS).teams for row in rows)
    assert one == other == tuple(f"T{n}" for n in range(9))


async def test_the_header_names_the_environment_before_the_source_does() -> None:
    async with an_account(token=None, environment="production") as account:
        first, second = account.fake.trigger(), account.fake.trigger()
        await account.push(account.fake.deliveries[0], dd_env="staging")
        await account.push(account.fake.deliveries[1])
        assert (account.incident(first).environment, account.incident(second).environment) == ("staging", "production")
