"""Lives of alerts: beginnings that change, ends that were none, ends that nobody tells, in whatever order."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError
from tests.builders import HOUR_MS
from tests.sources.account import Account
from tests.sources.test_alertmanager import BEGAN, alert, alerted, notification, notify, spans, written

from dora_exporter.dora.events import MINUTE_MS, Incident
from dora_exporter.sources.alertmanager.alert_history import SETTLING_MS, AlertHistory
from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.sources.polling.poller import Poller

MODES = pytest.mark.parametrize("group", [False, True], ids=["alert", "group"])
LATER = BEGAN + HOUR_MS


async def restart(account: Account, **settings: object) -> None:
    """A daemon that knows what its log says, with these settings of the source."""
    await account.start()
    await configure(account, **settings)


async def configure(account: Account, **settings: object) -> None:
    await account.sources.configure({"am": AlertmanagerSettings.model_validate(settings)}, account.context)


async def sweep(account: Account, *, at: int) -> None:
    """A pass of the source at a moment."""
    account.clock.now_ms = at
    running = account.running
    poller = Poller(
        "am", running.source, store=account.store, log=account.log, clock=account.clock, health=running.health
    )
    assert await poller.run(account.sources.sink(running)) is None
    assert running.health.is_up


async def sweep_each_minute(account: Account, *, first: int, last: int) -> None:
    for at in range(first, last + 1, MINUTE_MS):
        await sweep(account, at=at)


# Beginnings that change


@MODES
async def test_an_alert_that_goes_on_under_a_later_beginning_is_one_incident(*, group: bool) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert()), notification(alert(began=BEGAN + MINUTE_MS)))
        assert spans(account) == [(BEGAN, None)]
        end = notification(alert(began=BEGAN + MINUTE_MS, ended=BEGAN + 2 * MINUTE_MS))
        await notify(account, end, end)
        assert spans(account) == [(BEGAN, BEGAN + 2 * MINUTE_MS)]


@MODES
@pytest.mark.parametrize("named", [BEGAN - MINUTE_MS, BEGAN, BEGAN + MINUTE_MS, BEGAN + 2 * MINUTE_MS])
async def test_an_end_ends_what_is_open_whichever_beginning_it_names(*, group: bool, named: int) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert()), notification(alert(began=named, ended=BEGAN + 2 * MINUTE_MS)))
        assert spans(account) == [(min(BEGAN, named), BEGAN + 2 * MINUTE_MS)]


async def test_an_end_without_a_beginning_ends_what_is_open_and_nothing_else() -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        end = {**alert(ended=BEGAN + MINUTE_MS), "startsAt": "0001-01-01T00:00:00Z"}
        await notify(account, notification(end), notification(alert()), notification(end))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
        assert account.items["quarantined"] == 1


async def test_an_end_of_an_earlier_life_leaves_the_present_one_open() -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert(began=BEGAN + 5 * MINUTE_MS)))
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS), (BEGAN + 5 * MINUTE_MS, None)]


async def test_an_end_in_a_life_that_was_thought_to_be_one_makes_it_two() -> None:
    async with alerted() as account:
        account.clock.now_ms = BEGAN + 4 * MINUTE_MS
        second = alert(began=BEGAN + 2 * MINUTE_MS, ended=BEGAN + 3 * MINUTE_MS)
        await notify(account, notification(second), notification(alert()))
        assert spans(account) == [(BEGAN, BEGAN + 3 * MINUTE_MS)]
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS)))
        assert spans(account) == [
            (BEGAN, BEGAN + MINUTE_MS),
            (BEGAN + 2 * MINUTE_MS, BEGAN + 3 * MINUTE_MS),
        ]
        assert set(account.store.incidents) == {f"am:f1:{BEGAN}", f"am:f1:{BEGAN + 2 * MINUTE_MS}"}


async def test_incidents_of_before_that_were_left_open_become_one_with_the_next_notification() -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        old = [
            Incident(f"am:f1:{began}", ("checkout",), "none", began, source="am", revision=began)
            for began in (BEGAN, BEGAN + MINUTE_MS)
        ]
        await account.log.append(old)
        await notify(account, notification(alert(began=BEGAN + MINUTE_MS, ended=BEGAN + 2 * MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + 2 * MINUTE_MS)]
        assert list(account.store.incidents) == [f"am:f1:{BEGAN}"]


async def test_a_group_of_before_is_ended_by_what_is_told_now() -> None:
    async with alerted(group=True) as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert("a")))
        (now,) = account.store.incidents.values()
        assert now.upstream is not None
        then = {"group": now.upstream["group"], "ends": {f"am:a:{BEGAN}": None, f"am:b:{BEGAN}": BEGAN + MINUTE_MS}}
        await account.log.append([replace(now, upstream=then)])
        await notify(account, notification(alert("a", ended=BEGAN + 2 * MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + 2 * MINUTE_MS)]


# Ends that were none


@MODES
async def test_an_alert_that_fires_on_after_its_end_is_open_again(*, group: bool) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = LATER
        false_end = notification(alert(ended=BEGAN + MINUTE_MS))
        await notify(account, notification(alert()), false_end, notification(alert()))
        assert spans(account) == [(BEGAN, None)]
        await restart(account, group=group)
        await notify(account, false_end)
        assert spans(account) == [(BEGAN, None)]
        await notify(account, notification(alert(ended=BEGAN + 9 * MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + 9 * MINUTE_MS)]


@MODES
@pytest.mark.parametrize(("late_ms", "end"), [(SETTLING_MS, BEGAN + MINUTE_MS), (SETTLING_MS + 1, None)])
async def test_what_fires_soon_after_its_end_is_a_late_delivery(*, group: bool, late_ms: int, end: int | None) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = BEGAN + MINUTE_MS + late_ms
        await notify(account, notification(alert()), notification(alert(ended=BEGAN + MINUTE_MS)))
        await notify(account, notification(alert()))
        assert spans(account) == [(BEGAN, end)]


async def test_the_first_that_is_told_of_a_beginning_after_its_end_reopens_nothing() -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS)), notification(alert()))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
        await notify(account, notification(alert()))
        assert spans(account) == [(BEGAN, None)]


async def test_a_life_that_was_followed_by_another_is_not_reopened() -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        ended = notification(alert(ended=BEGAN + MINUTE_MS))
        await notify(account, notification(alert()), ended, notification(alert(began=BEGAN + 3 * MINUTE_MS)))
        await notify(account, notification(alert()))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS), (BEGAN + 3 * MINUTE_MS, None)]
        await notify(account, notification(alert(began=BEGAN + 3 * MINUTE_MS, ended=BEGAN + 4 * MINUTE_MS)))
        await notify(account, notification(alert()), notification(alert()))
        assert spans(account) == [
            (BEGAN, BEGAN + MINUTE_MS),
            (BEGAN + 3 * MINUTE_MS, BEGAN + 4 * MINUTE_MS),
        ]


def test_an_end_that_was_none_is_kept_with_its_own_life_only() -> None:
    told = AlertHistory({10, 30, 50}, {20, 60}, void={(30, 40)})
    assert [told.part(life.began, life.ended).void for life in told.periods()] == [set(), {(30, 40)}]
    assert told.part(50, None).void == set()
    assert told.part(0, 29).void == set()
    assert told.part(0, 30).void == told.part(40, None).void == {(30, 40)}


# Any order


class World:
    """Two lives of each of two alerts, the last one perhaps not over, and all that senders may tell of them."""

    def __init__(self, data: st.DataObject) -> None:
        self.lives: dict[str, list[tuple[int, int | None]]] = {}
        self.told: list[dict[str, Any]] = []
        for name in ("a", "b"):
            moments = sorted(data.draw(st.sets(st.integers(0, 40), min_size=6, max_size=6)))
            began, again, ended, anew, anew_again, over = (BEGAN + at * 1000 for at in moments)
            is_open = data.draw(st.booleans())
            self.lives[name] = [(began, ended), (anew, None if is_open else over)]
            self.told += [alert(name, began), alert(name, again), alert(name, anew), alert(name, anew_again)]
            self.told.append(alert(name, data.draw(st.sampled_from([began, again, ended])), ended))
            if not is_open:
                self.told.append(alert(name, data.draw(st.sampled_from([anew, anew_again, over])), over))

    @property
    def of_a_group(self) -> list[tuple[int, int | None]]:
        """The times in which one of them lived, by looking at each moment."""
        spans: list[tuple[int, int | None]] = []
        lives = [life for each in self.lives.values() for life in each]
        for began, ended in sorted(lives, key=lambda life: life[0]):
            if spans and (spans[-1][1] is None or began <= spans[-1][1]):
                last = spans[-1][1]
                spans[-1] = spans[-1][0], None if None in (last, ended) else max(last or 0, ended or 0)
            else:
                spans.append((began, ended))
        return spans


@given(data=st.data())
async def test_in_any_order_and_however_often_lives_are_what_they_were(data: st.DataObject) -> None:
    world = World(data)
    order = data.draw(st.permutations(world.told * 2))
    breaks = data.draw(st.sets(st.integers(0, len(order)), max_size=2))
    async with alerted() as account:
        account.clock.now_ms = BEGAN + SETTLING_MS
        for number, each in enumerate(order):
            if number in breaks:
                await restart(account)
            await notify(account, notification(each))
        assert spans(account) == sorted((life for each in world.lives.values() for life in each), key=str)
        assert account.sources.open_items(account.running) == sum(end is None for _, end in spans(account))


@given(data=st.data())
async def test_a_group_in_the_order_of_its_sender_lasts_while_any_alert_lives(data: st.DataObject) -> None:
    world = World(data)
    repeated = sorted(world.told * 2, key=lambda each: max(each["startsAt"], each["endsAt"]))
    async with alerted(group=True) as account:
        account.clock.now_ms = BEGAN + SETTLING_MS
        for each in repeated:
            others = {**alert("c", BEGAN - MINUTE_MS, BEGAN - MINUTE_MS), "labels": {}}
            await notify(account, {**notification(each, others), "status": "firing"})
        assert spans(account) == sorted(world.of_a_group, key=str)


@given(
    starts=st.sets(st.integers(0, 99), min_size=1, max_size=60),
    ends=st.sets(st.integers(0, 99), max_size=60),
)
def test_what_is_kept_of_a_life_stays_small_and_says_the_same(starts: set[int], ends: set[int]) -> None:
    told = AlertHistory(set(starts), {end for end in ends if end >= min(starts)})
    for life in told.periods():
        part = told.part(life.began, life.ended)
        assert part == AlertHistory.load(json.loads(json.dumps(part.dump())))
        assert all(len(kept) <= 20 for kept in (part.starts, part.ends))
        (again,) = AlertHistory(part.starts, part.ends).periods()
        assert (again.began, again.ended) == (life.began, life.ended)


# Ends that nobody tells


@MODES
async def test_what_is_not_told_again_for_so_long_is_over(*, group: bool) -> None:
    async with alerted(group=group, stale_after="10m") as account:
        account.clock.now_ms = BEGAN + MINUTE_MS
        await notify(account, notification(alert()))
        await sweep_each_minute(account, first=BEGAN + MINUTE_MS, last=BEGAN + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, None)]
        await sweep(account, at=BEGAN + 11 * MINUTE_MS)
        assert spans(account) == [(BEGAN, BEGAN + 11 * MINUTE_MS)]
        lines = len(account.lines)
        await sweep(account, at=BEGAN + 12 * MINUTE_MS)
        assert len(account.lines) == lines + 1  # what the pass remembers


@MODES
async def test_what_is_told_again_goes_on(*, group: bool) -> None:
    async with alerted(group=group, stale_after="10m") as account:
        for minute in range(0, 60, 5):
            account.clock.now_ms = BEGAN + minute * MINUTE_MS
            await notify(account, notification(alert()))
            await sweep_each_minute(account, first=account.clock.now_ms, last=account.clock.now_ms + 4 * MINUTE_MS)
        assert spans(account) == [(BEGAN, None)]


@MODES
async def test_what_was_silent_and_fires_is_open_again_and_a_told_end_is_believed(*, group: bool) -> None:
    async with alerted(group=group, stale_after="10m") as account:
        account.clock.now_ms = BEGAN
        await notify(account, notification(alert()))
        await sweep_each_minute(account, first=BEGAN, last=BEGAN + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, BEGAN + 10 * MINUTE_MS)]
        await notify(account, notification(alert()))
        assert spans(account) == [(BEGAN, None)]
        await sweep_each_minute(account, first=BEGAN + 11 * MINUTE_MS, last=BEGAN + 20 * MINUTE_MS)
        assert spans(account) == [(BEGAN, BEGAN + 20 * MINUTE_MS)]
        await notify(account, notification(alert(ended=BEGAN + 5 * MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + 5 * MINUTE_MS)]


@MODES
async def test_a_later_beginning_after_silence_is_another_incident(*, group: bool) -> None:
    async with alerted(group=group, stale_after="10m") as account:
        account.clock.now_ms = BEGAN
        await notify(account, notification(alert()))
        await sweep_each_minute(account, first=BEGAN, last=BEGAN + 10 * MINUTE_MS)
        account.clock.now_ms = LATER
        await notify(account, notification(alert(began=LATER)))
        assert spans(account) == [(BEGAN, BEGAN + 10 * MINUTE_MS), (LATER, None)]


@MODES
async def test_silence_ends_nothing_before_a_beginning_that_was_told(*, group: bool) -> None:
    async with alerted(group=group, stale_after="10m") as account:
        account.clock.now_ms = BEGAN
        await notify(account, notification(alert()), notification(alert(began=LATER)))
        await sweep_each_minute(account, first=BEGAN, last=BEGAN + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, LATER)]


async def test_silence_is_counted_through_a_short_restart() -> None:
    async with alerted(stale_after="10m") as account:
        account.clock.now_ms = BEGAN
        await notify(account, notification(alert()))
        await sweep_each_minute(account, first=BEGAN, last=BEGAN + 5 * MINUTE_MS)
        await restart(account, stale_after="10m")
        await sweep_each_minute(account, first=BEGAN + 8 * MINUTE_MS, last=BEGAN + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, BEGAN + 10 * MINUTE_MS)]


async def test_silence_while_nobody_listened_does_not_count() -> None:
    async with alerted(stale_after="10m") as account:
        account.clock.now_ms = BEGAN
        await notify(account, notification(alert()))
        await sweep(account, at=BEGAN)
        await restart(account, stale_after="10m")
        await sweep_each_minute(account, first=LATER, last=LATER + 9 * MINUTE_MS)
        assert spans(account) == [(BEGAN, None)]
        await sweep(account, at=LATER + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, BEGAN + 10 * MINUTE_MS)]


async def test_a_clock_that_jumps_ahead_ends_nothing() -> None:
    async with alerted(stale_after="10m") as account:
        account.clock.now_ms = BEGAN
        await notify(account, notification(alert()))
        await sweep(account, at=BEGAN)
        await sweep(account, at=BEGAN + 5 * HOUR_MS)
        await sweep_each_minute(account, first=BEGAN + MINUTE_MS, last=BEGAN + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, None)]


async def test_what_was_told_by_a_clock_that_was_ahead_is_told_now() -> None:
    async with alerted(stale_after="10m") as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert()))
        await sweep_each_minute(account, first=BEGAN, last=BEGAN + 9 * MINUTE_MS)
        assert spans(account) == [(BEGAN, None)]
        await sweep(account, at=BEGAN + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, BEGAN + 10 * MINUTE_MS)]


async def test_what_was_open_before_the_setting_has_its_whole_time() -> None:
    async with alerted() as account:
        await notify(account, notification(alert()))
        await configure(account, stale_after="10m")
        await sweep_each_minute(account, first=LATER, last=LATER + 9 * MINUTE_MS)
        assert spans(account) == [(BEGAN, None)]
        await sweep(account, at=LATER + 10 * MINUTE_MS)
        assert spans(account) == [(BEGAN, LATER + 10 * MINUTE_MS)]


async def test_a_repeat_is_written_down_at_most_ten_times_in_that_time() -> None:
    async with alerted(stale_after="10m") as account:
        for second in range(600):
            account.clock.now_ms = BEGAN + second * 1000
            await notify(account, notification(alert()))
        assert len(account.lines) == 10


@pytest.mark.parametrize(
    ("settings", "interval_ms"),
    [({}, None), ({"stale_after": "1s"}, 1000), ({"stale_after": "5m"}, 30_000), ({"stale_after": "1d"}, 60_000)],
)
async def test_silence_is_looked_for_often_enough(settings: Mapping[str, object], interval_ms: int | None) -> None:
    async with alerted(**settings) as account:
        assert account.running.source.interval_ms == interval_ms
        assert account.schedule.has("source am") == (interval_ms is not None)
        memory = {"anything": 1}
        if interval_ms is None:
            sink = account.sources.sink(account.running)
            assert await account.running.source.poll(memory, sink, now_ms=LATER) == memory


@pytest.mark.parametrize("stale_after", ["0s", "-1h", "soon", 5])
def test_a_time_of_silence_that_is_none_is_refused(stale_after: object) -> None:
    with pytest.raises(ValidationError, match="stale_after"):
        AlertmanagerSettings.model_validate({"stale_after": stale_after})


# Settings that change over what is held


async def test_what_is_open_is_ended_though_the_settings_group_now_or_group_no_more() -> None:
    end = notification(alert(ended=BEGAN + MINUTE_MS))
    for before, after in ((False, True), (True, False)):
        async with alerted(group=before) as account:
            account.clock.now_ms = LATER
            await notify(account, notification(alert()))
            await configure(account, group=after)
            await notify(account, end)
            assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
            again = notification(alert(began=LATER))
            await notify(account, again)
            (anew,) = (each for each in account.store.incidents.values() if each.started_at == LATER)
            assert ("group" in (anew.upstream or {})) == after


async def test_what_is_open_is_ended_though_the_matchers_leave_it_out_now() -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert()))
        await configure(account, matchers=["service=other"])
        await notify(account, notification(alert("f2", ended=BEGAN + MINUTE_MS)))
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
        assert account.items["skipped"] == 1


@MODES
async def test_what_is_open_is_ended_though_its_labels_name_no_service_now(*, group: bool) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = LATER
        await notify(account, notification(alert()))
        await configure(account, group=group, labels={"service": "app"})
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
        assert [each.services for each in account.store.incidents.values()] == [("checkout",)]


@MODES
async def test_an_end_ends_what_is_open_though_its_beginning_is_no_moment(*, group: bool) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = LATER
        end = {**alert(ended=BEGAN + MINUTE_MS), "startsAt": written(None)}
        await notify(account, notification(alert()), notification(end))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]


@MODES
async def test_an_alert_that_fires_anew_at_the_moment_of_its_end_is_open(*, group: bool) -> None:
    async with alerted(group=group) as account:
        account.clock.now_ms = BEGAN + MINUTE_MS
        end = notification(alert(ended=BEGAN + MINUTE_MS))
        await notify(account, notification(alert()), end, notification(alert(began=BEGAN + MINUTE_MS)), end)
        assert spans(account) == [(BEGAN, None)]
        await notify(account, notification(alert(began=BEGAN + MINUTE_MS, ended=LATER)))
        assert spans(account) == [(BEGAN, LATER)]


async def test_a_group_that_never_ends_forgets_the_alerts_that_ended_first() -> None:
    async with alerted(group=True) as account:
        account.clock.now_ms = BEGAN + SETTLING_MS
        await notify(account, notification(alert("open"), *(alert(f"f{n:05}") for n in range(10_001))))
        for n in range(3):
            ended = alert(f"f{n:05}", ended=BEGAN + MINUTE_MS + n)
            await notify(account, {**notification(ended), "status": "firing"})
        (incident,) = account.store.incidents.values()
        assert incident.upstream is not None
        kept = incident.upstream["alerts"]
        assert len(kept) == 10_000
        assert {"open", "f00002", "f10000"} <= kept.keys()
        assert not {"f00000", "f00001"} & kept.keys()


# What tells alerts apart


@pytest.mark.parametrize("fingerprint", ["", "x" * 41, "a b", "\x00", "\u00fc" * 500_000])
async def test_an_odd_fingerprint_gives_an_id_of_its_own(fingerprint: str) -> None:
    async with alerted() as account:
        account.clock.now_ms = LATER
        other = alert("" if not fingerprint else fingerprint + "y", labels={"instance": "b"})
        await notify(account, notification(alert(fingerprint)), notification(other))
        assert len(account.store.incidents) == 2
        assert all(len(each) < 60 for each in account.store.incidents)
        await notify(account, notification(alert(fingerprint, ended=BEGAN + MINUTE_MS)))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS), (BEGAN, None)]
