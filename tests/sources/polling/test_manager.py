"""Sources in operation: what a reload does to them, and what is shown of them."""

import asyncio
import logging
from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from tests.sources.account import NAME, Account, an_account
from tests.sources.fake_pagerduty import failure

from dora_exporter.app.telemetry import SourceCollector
from dora_exporter.dora.events import MINUTE_MS
from dora_exporter.dora.records import Cursor
from dora_exporter.runtime.scheduler import Job, Schedule
from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.sources.contract import Ignored
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.polling import RunningSources
from dora_exporter.sources.polling.poller import RETRY_SECONDS, Poller


def samples(account: Account) -> dict[str, float]:
    """Every sample about sources by its text."""
    registry = CollectorRegistry()
    registry.register(SourceCollector(account.sources))
    lines: Iterable[str] = generate_latest(registry).decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name.removeprefix("dora_exporter_source_"): float(value) for name, value in pairs}


def of(name: str, **labels: str) -> str:
    shown = {"source": NAME, **labels}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(shown.items())) + "}"


def _none_ignored() -> dict[str, float]:
    return {of("items_total", outcome="ignored", reason=each.value): 0 for each in Ignored}


def _no_names_changed() -> dict[str, float]:
    return {of("names_changed_total", outcome=each): 0 for each in ("cut", "replaced", "renamed", "dropped")}


async def test_before_the_first_pass_nothing_is_claimed() -> None:
    async with an_account() as account:
        assert samples(account) == {
            of("consecutive_failures"): 0,
            of("open_items"): 0,
            of("unmapped_services"): 0,
            of("throttled_seconds_total"): 0,
            of("overflow_total"): 0,
            of("ends_clamped_total"): 0,
            **{
                of("items_total", outcome=outcome): 0
                for outcome in ("created", "updated", "unchanged", "skipped", "quarantined")
            },
            **_none_ignored(),
            **_no_names_changed(),
        }


async def test_after_a_pass_everything_is_told() -> None:
    async with an_account(services={"PPAY": "payments"}) as account:
        account.fake.rate_headers = {"ratelimit-limit": "960", "ratelimit-remaining": "900", "ratelimit-reset": "9"}
        account.fake.trigger("PCHECK")
        account.fake.resolve(account.fake.trigger("PPAY"))
        await account.poll()
        shown = samples(account)
        assert shown.pop(of("pass_duration_seconds")) > 0
        now = account.clock() / 1000
        assert shown == {
            of("up"): 1,
            of("misconfigured"): 0,
            of("last_success_timestamp_seconds"): now,
            of("last_attempt_timestamp_seconds"): now,
            of("consecutive_failures"): 0,
            of("ratelimit_remaining"): 900,
            of("open_items"): 1,
            of("cursor_timestamp_seconds"): now,
            of("unmapped_services"): 1,
            of("throttled_seconds_total"): 0,
            of("overflow_total"): 0,
            of("ends_clamped_total"): 0,
            of("requests_total", outcome="success"): 3,
            of("items_total", outcome="created"): 2,
            of("items_total", outcome="updated"): 0,
            of("items_total", outcome="unchanged"): 1,
            of("items_total", outcome="skipped"): 0,
            of("items_total", outcome="quarantined"): 0,
            **_none_ignored(),
            **_no_names_changed(),
        }


async def test_each_number_is_shown_as_it_is() -> None:
    async with an_account() as account:
        running = account.running
        health, traffic = running.health, running.source.traffic
        health.is_up, health.is_misconfigured = False, True
        health.last_attempt_ms, health.last_success_ms, health.pass_seconds = 2500, 1500, 3.5
        health.outage.failures, health.overflows, health.ends_clamped = 4, 5, 6
        health.items.update(created=7, skipped=8)
        health.names_changed.update(cut=9)
        health.ignored[Ignored.TEST] = 14
        traffic.ratelimit_remaining, traffic.throttled_seconds = 10.0, 11.0
        traffic.requests.update(success=12, throttled=13)
        shown = {name: value for name, value in samples(account).items() if value}
        assert shown == {
            of("misconfigured"): 1,
            of("last_attempt_timestamp_seconds"): 2.5,
            of("last_success_timestamp_seconds"): 1.5,
            of("pass_duration_seconds"): 3.5,
            of("consecutive_failures"): 4,
            of("overflow_total"): 5,
            of("ends_clamped_total"): 6,
            of("items_total", outcome="created"): 7,
            of("items_total", outcome="skipped"): 8,
            of("items_total", outcome="ignored", reason="test"): 14,
            of("names_changed_total", outcome="cut"): 9,
            of("ratelimit_remaining"): 10,
            of("throttled_seconds_total"): 11,
            of("requests_total", outcome="success"): 12,
            of("requests_total", outcome="throttled"): 13,
        }


async def test_a_source_of_another_kind_under_a_name_has_a_health_of_its_own() -> None:
    async with an_account() as account:
        await account.poll()
        await account.sources.configure({NAME: AlertmanagerSettings()}, account.context)
        assert of("up") not in samples(account)
        assert account.running.condition == "is only pushed to"


class Jobs(Schedule):
    """Remembers what is to be done, and does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, tuple[float, Job, float | None]] = {}

    def every(self, seconds: float, job: Job, *, name: str, first_within: float | None = None) -> None:
        self.jobs[name] = (seconds, job, first_within)


async def test_a_source_is_first_polled_soon_and_by_a_replica_that_leads() -> None:
    async with an_account(interval="6h") as account:
        leads = [False]
        schedule = Jobs()
        sources = RunningSources(
            store=account.store,
            log=account.log,
            clock=account.clock,
            schedule=schedule,
            leads=lambda: leads[0],
        )
        settings = {NAME: PagerDutySettings.model_validate(account.settings), "am": AlertmanagerSettings()}
        await sources.configure(settings, account.context)
        ((name, (seconds, poll, first_within)),) = schedule.jobs.items()
        assert (name, seconds, first_within) == (f"source {NAME}", 6 * 3600, 5)
        assert (await poll(), account.fake.requests) == (1, [])
        leads[0] = True
        assert await poll() is None
        assert account.fake.requests


async def test_a_failure_keeps_the_last_success_and_the_cursor() -> None:
    async with an_account() as account:
        await account.poll()
        then = account.clock() / 1000
        account.fake.faults.append(lambda _: failure(400))
        await account.poll()
        shown = samples(account)
        assert (shown[of("up")], shown[of("misconfigured")], shown[of("consecutive_failures")]) == (0, 0, 1)
        assert shown[of("last_success_timestamp_seconds")] == shown[of("cursor_timestamp_seconds")] == then
        assert shown[of("last_attempt_timestamp_seconds")] == then + 60
        assert shown[of("requests_total", outcome="refused")] == 1


async def test_the_cursor_is_known_after_a_restart_before_the_first_pass() -> None:
    async with an_account() as account:
        await account.poll()
        then = account.clock() / 1000
        await account.start()
        shown = samples(account)
        assert shown[of("cursor_timestamp_seconds")] == then
        assert of("up") not in shown


async def test_a_removed_source_keeps_its_events_and_loses_its_metrics(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with an_account() as account:
        first = account.fake.trigger()
        await account.poll()
        await account.sources.configure({}, account.context)
        assert samples(account) == {}
        assert account.incident(first).services == ("pcheck",)
        assert f"source removed source={NAME}" in caplog.messages


async def test_what_did_not_change_goes_on_undisturbed() -> None:
    async with an_account() as account:
        await account.poll()
        before = account.running
        same = before.settings.model_copy()
        await account.sources.configure(
            {NAME: same, "other": PagerDutySettings(token="t")},
            account.context,
        )
        assert [each.name for each in account.sources] == ["other", NAME]
        assert next(each for each in account.sources if each.name == NAME) is before


async def test_a_changed_source_keeps_its_health_and_gets_its_new_settings() -> None:
    async with an_account() as account:
        await account.poll()
        changed = PagerDutySettings.model_validate({**account.settings, "environment": "production"})
        await account.sources.configure({NAME: changed}, account.context)
        assert samples(account)[of("up")] == 1
        first = account.fake.trigger()
        await account.poll()
        assert account.incident(first).environment == "production"


async def test_a_source_removed_while_leadership_changes_stays_removed() -> None:
    async with an_account() as account:
        account.schedule.start()
        await asyncio.gather(account.sources.configure({}, account.context), account.sources.start_over())
        assert list(account.sources) == []
        assert not account.schedule.has(f"source {NAME}")
        await account.schedule.stop()


async def test_what_is_still_being_written_is_known_to_a_source_with_new_settings() -> None:
    async with an_account() as account:
        old = account.running
        await account.sources.configure({NAME: PagerDutySettings(token="other")}, account.context)
        assert account.running is not old
        assert account.running.in_flight is old.in_flight
        await account.sources.start_over()
        assert account.running.in_flight is old.in_flight


async def test_a_pass_that_is_cancelled_leaves_the_log_whole() -> None:
    async with an_account() as account:
        account.fake.trigger()
        running = account.running
        poller = Poller(
            NAME, running.source, store=account.store, log=account.log, clock=account.clock, health=running.health
        )
        asked = asyncio.Event()
        account.fake.before_page = lambda _: asked.set()
        one_pass = asyncio.create_task(poller.run(account.sources.sink(running)))
        await asked.wait()
        one_pass.cancel()
        await asyncio.wait([one_pass])
        assert one_pass.cancelled()
        assert running.health.is_up is None
        await account.poll()
        assert len(account.store.incidents) == 1


async def test_a_misconfigured_source_is_tried_again_within_a_minute() -> None:
    async with an_account(interval="6h") as account:
        running = account.running
        poller = Poller(
            NAME, running.source, store=account.store, log=account.log, clock=account.clock, health=running.health
        )
        account.fake.faults.append(lambda _: failure(403, 2010))
        assert await poller.run(account.sources.sink(running)) == RETRY_SECONDS
        assert await poller.run(account.sources.sink(running)) is None


async def test_a_defect_is_told_in_words_and_does_not_stop_the_source() -> None:
    async with an_account() as account:
        await account.poll()
        await account.log.append(
            [Cursor(NAME, {"settings": account.running.source.fingerprint, "memory": {"cursor": "", "relisted": 0}})]
        )
        health = await account.poll()
        assert (health.is_up, health.problem) == (False, "internal error: TypeError")
        account.clock.advance(MINUTE_MS)
