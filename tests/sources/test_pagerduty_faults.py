"""A PagerDuty source whose upstream, network, disk or clock misbehaves."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from tests.builders import HOUR_MS, fields
from tests.sources.account import BACKFILL_MS, NAME, Account, an_account
from tests.sources.fake_pagerduty import Fault, failure, text

from dora_exporter.dora.events import DAY_MS, MINUTE_MS


def on(
    path: str, answer: Callable[[], web.StreamResponse], *, offset: str | None = None, times: int = 1
) -> list[Fault]:
    """Faults that answer requests for a path, of one page if need be."""

    def fault(request: web.Request) -> web.StreamResponse | None:
        is_meant = request.path == path and (offset is None or request.query.get("offset") == offset)
        return answer() if is_meant else None

    return [fault] * times


def many(account: Account, count: int) -> list[str]:
    """Incidents that all began at once and are over."""
    ids = [account.fake.trigger() for _ in range(count)]
    for each in ids:
        account.fake.resolve(each)
    return ids


def held(account: Account) -> set[str]:
    return {each.removeprefix(f"{NAME}:") for each in account.store.incidents}


async def test_equal_times_across_a_page_border_lose_and_double_nothing() -> None:
    async with an_account() as account:
        ids = many(account, 250)
        await account.poll()
        assert held(account) == set(ids)
        assert account.items["created"] == 250


async def test_the_server_may_give_shorter_pages_than_asked_for() -> None:
    async with an_account() as account:
        account.fake.page_limit = 30
        ids = many(account, 100)
        await account.poll()
        assert held(account) == set(ids)


async def test_rows_inserted_while_paging_lose_and_double_nothing() -> None:
    async with an_account() as account:
        ids = many(account, 250)
        account.fake.before_page = lambda _: ids.append(account.fake.trigger())
        await account.poll()
        account.fake.before_page = lambda _: None
        await account.poll()
        assert held(account) == set(ids)


async def test_each_state_is_listed_on_its_own_because_several_come_with_gaps() -> None:
    async with an_account() as account:
        many(account, 3)
        await account.poll()
        assert all(len(each.query.getall("statuses[]", [])) <= 1 for each in account.fake.asked("/incidents"))


async def test_every_time_that_is_sent_has_both_bounds_and_says_its_zone() -> None:
    async with an_account() as account:
        await account.poll()
        asked = [each.query for each in account.fake.asked("/incidents") if each.query.get("date_range") != "all"]
        assert [(each["since"], each["until"]) for each in asked] == [
            (text(account.clock() - BACKFILL_MS), text(account.clock()))
        ]


@pytest.mark.parametrize("path", ["/incidents", "/log_entries"])
async def test_a_failed_second_page_keeps_the_rows_but_not_the_cursor(path: str) -> None:
    async with an_account(relist="30d") as account:
        await account.poll()
        ids = [account.fake.trigger() for _ in range(150)]
        cursor = account.store.cursors[NAME]
        account.fake.faults.extend(on(path, lambda: failure(500), offset="100", times=5))
        health = await account.poll()
        assert (health.is_up, health.is_misconfigured, health.consecutive_failures) == (False, False, 1)
        assert health.problem == f"GET {account.host}{path}: status 500: Internal Server Error, 5 times"
        assert account.store.cursors[NAME] == cursor
        assert len(held(account)) == (100 if path == "/incidents" else 0)
        assert (await account.poll()).is_up
        assert held(account) == set(ids)


async def test_a_server_error_that_passes_is_not_a_failure() -> None:
    async with an_account() as account:
        account.fake.trigger()
        account.fake.faults.extend(on("/incidents", lambda: failure(503), times=4))
        assert (await account.poll()).is_up
        assert account.slept == [0.5, 1.0, 2.0, 4.0]
        assert account.running.source.traffic.requests["server_error"] == 4


@pytest.mark.parametrize(
    ("headers", "code", "waits"),
    [
        ({"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "7"}, 2020, 7.0),
        ({}, None, 0.5),
        ({"Retry-After": "9"}, None, 9.0),
        ({"ratelimit-reset": "nonsense", "Retry-After": "-3"}, None, 0.5),
        ({"ratelimit-reset": "86400"}, None, 900.0),
    ],
)
async def test_a_rate_limit_in_mid_pass_is_waited_for(headers: dict[str, str], code: int | None, waits: float) -> None:
    async with an_account() as account:
        ids = many(account, 150)
        account.fake.faults.extend(on("/incidents", lambda: failure(429, code, **headers), offset="100"))
        assert (await account.poll()).is_up
        assert account.slept == [waits]
        assert account.running.source.traffic.throttled_seconds == waits
        assert account.running.source.traffic.requests["throttled"] == 1
        assert held(account) == set(ids)


async def test_little_left_of_the_rate_limit_is_spread() -> None:
    async with an_account() as account:
        account.fake.rate_headers = {"ratelimit-limit": "960", "ratelimit-remaining": "9", "ratelimit-reset": "20"}
        await account.poll()
        assert set(account.slept) == {2.0}
        assert account.running.source.traffic.ratelimit_remaining == 9


@pytest.mark.parametrize(
    "body",
    [
        b'{"incidents": [{"id": "Q1"',
        b"<html>a proxy</html>",
        b'{"services": []}',
        b'{"incidents": null}',
        b'{"incidents": 3}',
        b"\xff",
        b"",
    ],
)
async def test_a_page_that_cannot_be_read_fails_the_pass(body: bytes) -> None:
    async with an_account() as account:
        account.fake.trigger()
        account.fake.faults.extend(on("/incidents", lambda: web.Response(body=body)))
        health = await account.poll()
        assert health.is_up is False
        assert NAME not in account.store.cursors
        assert (await account.poll()).is_up


@pytest.mark.parametrize(
    "row",
    [
        {"id": None},
        {"created_at": None},
        {"created_at": "0001-01-01T00:00:00Z"},
        {"created_at": "2999-01-01T00:00:00Z"},
        {"created_at": "yesterday"},
        {"incident_number": "seven"},
        {"teams": {}},
    ],
)
async def test_a_malformed_row_is_left_out_and_named(row: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    async with an_account() as account:
        bad, good = account.fake.trigger(), account.fake.trigger()
        account.fake.rows[bad].update(row)
        account.fake.faults.extend(on("/incidents", lambda: _rows(account), times=3))
        health = await account.poll()
        assert health.is_up
        assert held(account) == {good}
        assert account.items["quarantined"] == 3
        assert f"source={NAME} id={row.get('id', bad)!r}" in caplog.text


def _rows(account: Account) -> web.Response:
    return web.json_response(
        {"incidents": [account.fake.shown(row, is_whole=False) for row in account.fake.rows.values()]}
    )


async def test_nulls_unknown_states_and_naive_times_are_taken() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        account.fake.rows[first] |= {
            "title": None,
            "summary": None,
            "status": "pondering",
            "urgency": None,
            "created_at": "2025-06-15T16:06:40.123456789+02:00",
            "updated_at": text(account.clock()).removesuffix("Z"),
            "last_status_change_at": None,
            "a_new_field": {},
        }
        account.fake.services["PCHECK"] = None
        assert (await account.poll()).is_up
        incident = account.incident(first)
        assert (incident.name, incident.services, incident.finished_at) == (None, ("PCHECK",), None)
        assert (incident.started_at, incident.revision) == (1_749_996_400_123, 1_749_996_400_000)


@pytest.mark.parametrize("shown", [0, 1])
async def test_more_for_ever_ends_with_what_came(shown: int) -> None:
    async with an_account() as account:
        first = account.fake.trigger()

        def endless(request: web.Request) -> web.StreamResponse | None:
            if request.path != "/incidents":
                return None
            account.fake.faults.append(endless)
            rows = [account.fake.shown(account.fake.rows[first], is_whole=False)] * shown
            return web.json_response({"incidents": rows, "more": True, "total": None})

        account.fake.faults.append(endless)
        assert (await account.poll()).is_up
        assert held(account) == ({first} if shown else set())
        assert account.fake.counts()["/incidents"] == 3 * (1 + shown)


async def test_more_than_ten_thousand_in_a_window_are_all_read() -> None:
    async with an_account() as account:
        account.fake.is_still = True
        ids = many(account, 6_000)
        account.clock.advance(2000)
        ids += many(account, 4_001)
        await account.poll()
        assert held(account) == set(ids)
        assert account.running.health.overflows == 0


async def test_a_list_that_is_refused_at_the_cap_is_cut() -> None:
    async with an_account(backfill="8s") as account:
        account.fake.is_still = True
        ids = many(account, 5_000)
        account.clock.advance(2000)
        ids += many(account, 4_950)

        def refuse(request: web.Request) -> web.StreamResponse | None:
            is_late = request.query.get("offset") == "9900" and request.path == "/incidents"
            return failure(400, 2002) if is_late else None

        account.fake.faults.extend([refuse] * 50)
        health = await account.poll(after_ms=1000)
        assert (health.problem, health.overflows) == (None, 0)
        assert held(account) == set(ids)
        late = [each for each in account.fake.asked("/incidents") if each.query.get("offset") == "9900"]
        assert len(late) == 2, "of all, and of the half that holds all"


@pytest.mark.parametrize(
    ("status", "code", "is_misconfigured"),
    [(400, 2002, False), (400, 2004, False), (400, None, False), (403, 2010, True)],
)
@pytest.mark.parametrize("offset", ["0", "100"])
async def test_a_refusal_in_the_middle_of_paging_fails_the_pass(
    status: int, code: int | None, offset: str, *, is_misconfigured: bool
) -> None:
    async with an_account() as account:
        ids = many(account, 150)
        account.fake.faults.extend(on("/incidents", lambda: failure(status, code), offset=offset))
        health = await account.poll()
        assert (health.is_up, health.is_misconfigured) == (False, is_misconfigured)
        assert f"/incidents: status {status}: " in (health.problem or "")
        assert NAME not in account.store.cursors
        assert len(held(account)) == int(offset)
        assert (await account.poll()).is_up
        assert held(account) == set(ids)
        assert health.overflows == 0


async def test_the_first_and_the_last_second_of_each_stretch_are_read() -> None:
    async with an_account(backfill="180d") as account:
        now = account.clock()
        borders = [
            now - 180 * DAY_MS,
            now - 90 * DAY_MS - 1000,
            now - 90 * DAY_MS,
            now - 90 * DAY_MS + 1000,
            now - 1000,
        ]
        ids = [account.fake.trigger(created_at=text(each)) for each in borders]
        for each in ids:
            account.fake.resolve(each)
        account.fake.trigger(created_at=text(now - 180 * DAY_MS - 1000), status="resolved", resolved_at=text(now))
        await account.poll(after_ms=0)
        assert held(account) == set(ids)
        asked = [each.query for each in account.fake.asked("/incidents") if each.query.get("date_range") != "all"]
        assert [(each["since"], each["until"]) for each in asked] == [
            (text(borders[0]), text(borders[2])),
            (text(borders[2]), text(now)),
        ]


async def test_more_than_ten_thousand_in_one_second_keep_what_can_be_read_and_say_so() -> None:
    async with an_account() as account:
        account.fake.is_still = True
        many(account, 10_001)
        health = await account.poll()
        assert (health.is_up, health.overflows) == (True, 1)
        assert len(held(account)) == 10_000


async def test_more_than_ten_thousand_open_are_listed_by_time() -> None:
    async with an_account() as account:
        account.fake.is_still = True
        ids = [account.fake.trigger() for _ in range(6_000)]
        account.clock.advance(2000)
        ids += [account.fake.trigger() for _ in range(4_001)]
        assert (await account.poll()).is_up
        assert held(account) == set(ids)
        assert account.fake.counts() == {"/incidents": len(account.fake.requests)}


async def test_a_storm_of_changes_is_read_as_a_list() -> None:
    async with an_account(relist="30d") as account:
        ids = many(account, 1_200)
        await account.poll_twice(5 * HOUR_MS)
        for each in ids:
            account.fake.prioritise(each, "P3")
        account.fake.requests.clear()
        await account.poll(after_ms=5 * MINUTE_MS)
        assert {each.severity for each in account.store.incidents.values()} == {"P3"}
        assert len(account.fake.requests) < 50
        account.fake.requests.clear()
        await account.poll()
        assert len(account.fake.requests) < 50


@pytest.mark.parametrize(("status", "code"), [(403, 2010), (404, 2100), (400, 2018)])
async def test_one_incident_that_cannot_be_read_does_not_take_the_source_down(status: int, code: int) -> None:
    async with an_account(relist="30d") as account:
        first, other = many(account, 2)
        await account.poll_twice(5 * HOUR_MS)
        account.fake.prioritise(first, "P1")
        account.fake.prioritise(other, "P1")
        account.fake.faults.extend(on(f"/incidents/{first}", lambda: failure(status, code)))
        assert (await account.poll()).is_up
        assert account.incident(other).severity == "P1"
        assert account.incident(first).severity is None


async def test_a_wrong_token_is_one_log_line_and_heals(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with an_account(interval="1h") as account:
        account.fake.token = "another-token"
        for _ in range(3):
            health = await account.poll()
        assert (health.consecutive_failures, health.is_misconfigured) == (3, True)
        assert health.problem == f"GET {account.host}/incidents: status 401: made up by a test"
        account.fake.token = "token-of-the-account"
        health = await account.poll()
        assert (health.problem, health.is_misconfigured) == (None, False)
        lines = [record.getMessage() for record in caplog.records if record.name.startswith("dora_exporter")]
        assert [line.partition(" source=")[0] for line in lines] == ["source is misconfigured", "source recovered"]
        assert "token-of-the-account" not in caplog.text


async def test_a_token_file_is_read_at_each_pass(tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with an_account(token=None, token_file=file) as account:
        assert (await account.poll()).problem == f"the secret file {file} cannot be read: No such file or directory"
        file.write_text("token-of-the-account\n")
        assert (await account.poll()).is_up


async def test_an_unreachable_host_fails_the_pass_in_words() -> None:
    async with an_account(base_url="http://127.0.0.1:1") as account:
        await account.start(base_url="http://127.0.0.1:1")
        health = await account.poll()
        assert health.problem == "GET 127.0.0.1:1/incidents: connection refused, 5 times"


async def test_a_full_disk_fails_the_pass_and_everything_comes_later() -> None:
    async with an_account() as account:
        ids = many(account, 250)
        account.log.fails_after = 1
        health = await account.poll()
        assert (health.is_up, health.problem) == (False, "the disk is full")
        assert len(held(account)) == 100
        account.log.fails_after = None
        await account.poll()
        assert held(account) == set(ids)


@pytest.mark.parametrize("kept", range(8))
async def test_a_process_killed_anywhere_in_a_pass_ends_in_the_same_state(kept: int) -> None:
    async with an_account() as account:
        many(account, 150)
        account.fake.trigger()
        account.fake.rename("PCHECK", "shop")
        await account.poll()
        whole = dict(account.store.incidents)
        del account.lines[round(len(account.lines) * kept / 7) :]
        await account.start()
        await account.poll()
        assert fields(account.store.incidents) == fields(whole)


async def test_a_snapshot_of_yesterday_catches_up() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        await account.poll()
        yesterday = list(account.lines)
        account.clock.advance(DAY_MS)
        account.fake.resolve(first)
        second = account.fake.trigger()
        await account.poll()
        account.lines[:] = yesterday
        await account.start()
        await account.poll()
        assert account.incident(first).finished_at is not None
        assert account.incident(second).finished_at is None


async def test_a_clock_that_stepped_ahead_and_back_loses_nothing() -> None:
    async with an_account() as account:
        await account.poll()
        account.clock.advance(3 * DAY_MS)
        await account.poll()
        account.clock.advance(-3 * DAY_MS - 2 * HOUR_MS)
        first = account.fake.trigger()
        account.clock.advance(2 * HOUR_MS)
        await account.poll()
        assert held(account) == {first}
        assert account.store.cursors[NAME]["memory"]["cursor"] == account.clock()


async def test_a_pass_holds_no_more_than_two_pages() -> None:
    async with an_account() as account:
        many(account, 1_000)
        await account.poll()
        assert account.log.largest_append == 100
        assert account.running.in_flight == {}
