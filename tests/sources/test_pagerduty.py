"""What a PagerDuty source makes of an account that lives: new, open, changed, renamed, deleted incidents."""

import pytest
from aiohttp import web
from tests.builders import HOUR_MS
from tests.sources.account import NAME, an_account

from dora_exporter.dora.events import DAY_MS, MINUTE_MS
from dora_exporter.dora.records import Deletion
from dora_exporter.sources.pagerduty.source import PagerDuty


async def test_an_incident_is_taken_over_with_all_its_facts() -> None:
    async with an_account() as account:
        began = account.clock()
        first = account.fake.trigger("PCHECK", title="it burns", teams=[{"id": "PTEAM"}])
        account.fake.prioritise(first, "P1")
        account.clock.advance(MINUTE_MS)
        account.fake.resolve(first)
        health = await account.poll()
        incident = account.incident(first)
        assert (incident.id, incident.source) == (f"{NAME}:{first}", NAME)
        assert (incident.services, incident.environment) == (("pcheck",), "none")
        assert (incident.name, incident.severity, incident.team) == ("it burns", "P1", None)
        assert (incident.started_at, incident.finished_at) == (began // 1000 * 1000, (began + MINUTE_MS) // 1000 * 1000)
        assert incident.upstream == {"service": "PCHECK", "number": 1, "urgency": "high", "teams": "PTEAM"}
        assert (health.is_up, health.problem) == (True, None)


async def test_a_second_pass_over_the_same_life_writes_no_event() -> None:
    async with an_account() as account:
        account.fake.trigger()
        account.fake.resolve(account.fake.trigger())
        await account.poll()
        before = len(account.lines)
        await account.poll()
        assert account.items == {"created": 2, "unchanged": 4}
        assert len(account.lines) == before + 1  # the cursor


async def test_acknowledged_is_open_and_a_later_edit_does_not_move_the_end() -> None:
    async with an_account() as account:
        acknowledged, resolved = account.fake.trigger(), account.fake.trigger()
        account.fake.acknowledge(acknowledged)
        account.clock.advance(MINUTE_MS)
        account.fake.resolve(resolved)
        end = account.clock() // 1000 * 1000
        account.clock.advance(HOUR_MS)
        account.fake.prioritise(resolved, "P2")
        await account.poll()
        assert account.incident(acknowledged).finished_at is None
        assert account.incident(resolved).finished_at == end


async def test_the_end_is_looked_up_when_the_row_does_not_say_it() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        account.clock.advance(MINUTE_MS)
        account.fake.resolve(first)
        end = account.clock() // 1000 * 1000
        account.clock.advance(HOUR_MS)
        account.fake.rows[first] |= {"resolved_at": "0001-01-01T00:00:00Z", "last_status_change_at": None}
        await account.poll()
        assert account.incident(first).finished_at == end


async def test_the_last_change_of_status_stands_for_a_missing_end() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        account.clock.advance(MINUTE_MS)
        account.fake.resolve(first)
        account.fake.rows[first]["resolved_at"] = None
        await account.poll()
        assert account.incident(first).finished_at == account.clock() - MINUTE_MS
        assert f"/incidents/{first}/log_entries" not in account.fake.counts()


async def test_an_incident_that_ended_before_it_began_lasted_no_time() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        began = account.clock()
        account.clock.advance(-MINUTE_MS)
        account.fake.resolve(first)
        health = await account.poll(after_ms=HOUR_MS)
        assert (account.incident(first).started_at, account.incident(first).finished_at) == (began, began)
        assert health.ends_clamped == 1
        await account.start()  # with what it remembers of a pass forgotten, everything is read again
        assert (await account.poll()).ends_clamped == 0


@pytest.mark.parametrize("age_ms", [MINUTE_MS, 2 * DAY_MS])
async def test_an_incident_resolved_after_it_was_polled_is_closed(age_ms: int) -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        await account.poll_twice(age_ms)
        account.fake.resolve(first)
        await account.poll()
        assert account.incident(first).finished_at is not None


@pytest.mark.parametrize("age_ms", [MINUTE_MS, 2 * HOUR_MS, 200 * DAY_MS])
async def test_an_incident_reopened_long_after_the_overlap_is_open_again(age_ms: int) -> None:
    async with an_account(relist="30d") as account:
        first = account.fake.trigger()
        account.fake.resolve(first)
        await account.poll()
        assert account.incident(first).finished_at is not None
        await account.poll_twice(age_ms)
        account.fake.reopen(first)
        await account.poll()
        assert account.incident(first).finished_at is None


async def test_a_merged_incident_says_into_which_one() -> None:
    async with an_account() as account:
        small, big = account.fake.trigger(), account.fake.trigger()
        await account.poll_twice(2 * HOUR_MS)
        account.fake.merge(small, big)
        await account.poll()
        assert account.incident(small).merged_into == f"{NAME}:{big}"
        assert account.incident(big).merged_into is None


async def test_a_change_of_an_old_closed_incident_comes_through_the_change_feed() -> None:
    async with an_account(relist="30d") as account:
        first = account.fake.trigger()
        account.fake.resolve(first)
        await account.poll_twice(5 * HOUR_MS)
        account.fake.prioritise(first, "P1")
        await account.poll()
        assert account.incident(first).severity == "P1"


async def test_a_change_that_the_feed_does_not_tell_comes_with_the_relist() -> None:
    async with an_account(relist="24h") as account:
        first = account.fake.trigger("PCHECK")
        account.fake.resolve(first)
        await account.poll_twice(5 * HOUR_MS)
        account.fake.move(first, "PPAY")
        await account.poll()
        assert account.incident(first).services == ("pcheck",)
        account.clock.advance(DAY_MS)
        await account.poll()
        assert account.incident(first).services == ("ppay",)


async def test_the_feed_is_followed_once() -> None:
    async with an_account(relist="30d") as account:
        first = account.fake.trigger()
        account.fake.resolve(first)
        await account.poll_twice(5 * HOUR_MS)
        account.fake.prioritise(first, "P1")
        for _ in range(3):
            await account.poll()
        assert account.fake.counts()[f"/incidents/{first}"] == 1


async def test_a_moved_open_incident_leaves_a_service_filter_and_comes_back() -> None:
    async with an_account(service_ids=["PCHECK"]) as account:
        first = account.fake.trigger("PCHECK")
        elsewhere = account.fake.trigger("PPAY")
        await account.poll()
        assert f"{NAME}:{elsewhere}" not in account.store.incidents
        account.fake.move(first, "PPAY")
        await account.poll()
        assert (account.incident(first).services, account.incident(first).team) == ((), None)
        account.fake.move(first, "PCHECK")
        await account.poll()
        assert account.incident(first).services == ("pcheck",)


async def test_a_closed_incident_that_moved_out_of_the_filter_leaves_with_the_relist() -> None:
    async with an_account(service_ids=["PCHECK"]) as account:
        first = account.fake.trigger("PCHECK")
        account.fake.resolve(first)
        await account.poll_twice(5 * HOUR_MS)
        account.fake.move(first, "PPAY")
        await account.poll(after_ms=DAY_MS)
        assert account.incident(first).services == ()


async def test_a_change_during_the_relist_is_seen_though_the_accounts_clock_is_behind() -> None:
    async with an_account() as account:
        account.fake.clock_behind_ms = MINUTE_MS
        first = account.fake.trigger()
        account.fake.resolve(first)
        account.clock.advance(2 * HOUR_MS)

        def prioritise_when_read(request: web.Request) -> None:
            if "statuses[]" in request.query and account.fake.rows[first]["priority"] is None:
                account.fake.prioritise(first, "P1")

        account.fake.before_page = prioritise_when_read
        await account.poll()
        assert account.incident(first).severity is None
        await account.poll()
        assert account.incident(first).severity == "P1"


async def test_priorities_are_judged_on_the_current_state() -> None:
    async with an_account(priorities=["P1"]) as account:
        first, without = account.fake.trigger(), account.fake.trigger()
        await account.poll()
        assert account.store.incidents == {}
        await account.poll_twice(2 * HOUR_MS)
        account.fake.prioritise(first, "P1")
        await account.poll()
        assert account.incident(first).services == ("pcheck",)
        account.fake.prioritise(first, "P2")
        await account.poll()
        assert account.incident(first).services == ()
        assert f"{NAME}:{without}" not in account.store.incidents


@pytest.mark.parametrize(
    ("settings", "inside", "outside"),
    [
        ({"urgencies": ["high"]}, {"urgency": "high"}, {"urgency": "low"}),
        ({"team_ids": ["PT1"]}, {"teams": [{"id": "PT2"}, {"id": "PT1"}]}, {"teams": [{"id": "PT3"}]}),
    ],
)
async def test_a_filter_lets_through_what_it_names(
    settings: dict[str, object], inside: dict[str, object], outside: dict[str, object]
) -> None:
    async with an_account(**settings) as account:
        taken = account.fake.trigger("PCHECK", **inside)
        account.fake.trigger("PCHECK", **outside)
        await account.poll()
        assert list(account.store.incidents) == [f"{NAME}:{taken}"]


async def test_environment_and_service_follow_the_map_by_id_then_url_then_name() -> None:
    services = {
        "PCHECK": {"service": "shop", "environment": "staging", "team": "buyers"},
        "https://acme.pagerduty.com/service-directory/PPAY": "payments",
        "psearch": "search",
    }
    async with an_account(services=services, environment="production") as account:
        ids = [account.fake.trigger(service) for service in ("PCHECK", "PPAY", "PSEARCH", "POTHER")]
        await account.poll()
        placed = [account.incident(each) for each in ids]
        assert [(each.services[0], each.environment, each.team) for each in placed] == [
            ("shop", "staging", "buyers"),
            ("payments", "production", None),
            ("search", "production", None),
            ("pother", "production", None),
        ]
        assert account.running.source.unmapped_services == 1


async def test_a_renamed_service_takes_its_old_incidents_along() -> None:
    async with an_account() as account:
        old, new = account.fake.trigger("PCHECK"), account.fake.trigger("PCHECK")
        account.fake.resolve(old)
        await account.poll_twice(2 * HOUR_MS)
        account.fake.rename("PCHECK", "shop")
        await account.poll()
        assert (account.incident(old).services, account.incident(new).services) == (("shop",), ("shop",))
        await account.start()
        account.fake.rename("PCHECK", None)
        await account.poll()
        assert account.incident(new).services == ("shop",)


async def test_a_deleted_incident_stays_and_says_after_three_tries_that_it_cannot_be_read() -> None:
    async with an_account() as account:
        gone, other = account.fake.trigger(), account.fake.trigger()
        await account.poll()
        account.fake.delete(gone)
        for _ in range(2):
            assert (await account.poll()).is_up
        assert account.incident(gone).upstream == {"service": "PCHECK", "number": 1, "urgency": "high"}
        await account.poll()
        upstream = account.incident(gone).upstream
        assert upstream is not None
        assert upstream["unreachable"]
        assert account.incident(gone).finished_at is None
        account.fake.requests.clear()
        await account.poll()
        assert f"/incidents/{gone}" not in account.fake.counts()
        assert account.incident(other).finished_at is None


async def test_an_incident_that_was_read_in_between_is_tried_three_times_anew() -> None:
    async with an_account(relist="30d") as account:
        flickering, _ = account.fake.trigger(), account.fake.trigger()
        await account.poll()
        row = account.fake.rows.pop(flickering)
        for _ in range(2):
            await account.poll()
        account.fake.rows[flickering] = row
        await account.poll()
        del account.fake.rows[flickering]
        for _ in range(2):
            await account.poll()
            assert "unreachable" not in (account.incident(flickering).upstream or {})
        await account.poll()
        assert (account.incident(flickering).upstream or {})["unreachable"]


async def test_what_was_pushed_or_followed_up_is_forgotten_in_time() -> None:
    async with an_account(relist="30d", overlap="1h") as account:
        await account.poll()
        first = account.fake.trigger()
        account.fake.resolve(first)
        await account.push(account.fake.deliveries[-1])
        source = account.running.source
        assert isinstance(source, PagerDuty)
        assert list(source.mapping.recently_pushed) == [first]
        await account.poll()
        assert list(source.mapping.recently_pushed) == []
        state = source.state
        assert len(state.entries) == 2
        account.fake.requests.clear()
        await account.poll(after_ms=30 * MINUTE_MS)
        assert len(state.entries) == 2
        assert f"/incidents/{first}" not in account.fake.counts()
        await account.poll(after_ms=HOUR_MS)
        assert state.entries == {}


async def test_the_environment_field_is_read_once_and_again_when_it_changes() -> None:
    async with an_account(environment_field="environment", environment="fallback") as account:
        filled, empty = account.fake.trigger(), account.fake.trigger()
        account.fake.set_field(filled, "environment", "production")
        await account.poll(after_ms=5 * MINUTE_MS)
        await account.poll()
        assert account.incident(filled).environment == "production"
        assert account.incident(empty).environment == "fallback"
        assert account.fake.counts()[f"/incidents/{filled}"] == 1
        account.fake.set_field(filled, "environment", ["staging"])
        await account.poll()
        assert account.incident(filled).environment == "staging"


async def test_a_field_that_is_named_later_moves_what_is_held_and_back() -> None:
    async with an_account(environment="fallback") as account:
        over, going_on, empty = (account.fake.trigger() for _ in range(3))
        account.fake.resolve(over)
        for each in (over, going_on):
            account.fake.set_field(each, "environment", "production")
        await account.poll()

        def environments() -> list[str]:
            return [account.incident(each).environment for each in (over, going_on, empty)]

        assert environments() == ["fallback"] * 3
        await account.start(environment_field="environment")
        await account.poll()
        assert environments() == ["production", "production", "fallback"]
        await account.start(environment_field="region")
        await account.poll()
        assert environments() == ["fallback"] * 3
        await account.start(environment_field="environment")
        account.fake.requests.clear()
        await account.poll()
        assert environments() == ["production", "production", "fallback"]
        assert not any(f"/incidents/{each}" in account.fake.counts() for each in (over, empty)), "both are known"
        await account.start(environment_field=None)
        await account.poll()
        assert environments() == ["fallback"] * 3


async def test_changed_settings_read_the_past_again_and_judge_what_is_held() -> None:
    async with an_account(relist="30d") as account:
        first, old = account.fake.trigger("PCHECK"), account.fake.trigger("PPAY")
        account.fake.resolve(old)
        await account.poll()
        account.clock.advance(100 * DAY_MS)  # older than the back-fill: no list shows it
        await account.poll()
        await account.start(services={"PPAY": "payments"})
        await account.poll()
        assert account.incident(old).services == ("payments",)
        await account.start(service_ids=["PPAY"])
        await account.poll()
        assert account.incident(first).services == ()
        await account.start(service_ids=[])
        await account.poll()
        assert account.incident(first).services == ("pcheck",)


async def test_a_changed_interval_does_not_read_the_past_again() -> None:
    async with an_account() as account:
        account.fake.trigger()
        await account.poll()
        account.fake.requests.clear()
        await account.start(interval="30s", token="token-of-the-account")
        await account.poll()
        (listing,) = [each for each in account.fake.asked("/incidents") if "since" in each.query]
        assert listing.query["since"] > "2025-06-15T13"


async def test_a_person_who_deleted_a_polled_incident_does_not_see_it_again() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        await account.poll()
        event = account.incident(first)
        await account.log.append([Deletion("incident", event.id, account.clock(), NAME)])
        await account.poll()
        assert account.store.incidents == {}
