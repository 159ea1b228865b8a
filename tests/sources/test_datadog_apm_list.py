"""Datadog's list of deployments, walked against a stateful fake: nothing lost, nothing doubled, verdicts followed."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError
from tests.builders import HOUR_MS, NOW_MS, fields
from tests.sources.fake_datadog import FakeDatadog
from tests.sources.polled import NAME, WINDOW_MS, Poller, polled

from dora_exporter.dora.commit_messages import named_reverts
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Deployment, Verdict
from dora_exporter.dora.records import Deletion, Judgement
from dora_exporter.sources.contract import Misconfigured, Unreadable
from dora_exporter.sources.datadog.source import DatadogApmSettings
from dora_exporter.sources.http.client import Refused, Unreachable

SECOND_MS = 1000
KEYS = {"api_key": "api-key", "app_key": "app-key"}


def text(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, tz=UTC).isoformat().replace("+00:00", "Z")


def reaching(datadog: FakeDatadog, **settings: object) -> AbstractAsyncContextManager[Poller]:
    return polled(datadog.application(), address_in="base_url", **{"kind": "datadog_apm", **KEYS, **settings})


def ids(poller: Poller) -> set[str]:
    return {each.removeprefix(f"{NAME}:") for each in poller.sink.store.deployments}


@pytest.fixture
def datadog() -> FakeDatadog:
    return FakeDatadog()


async def test_a_row_becomes_a_deployment_with_all_that_datadog_knows(datadog: FakeDatadog) -> None:
    datadog.add(
        "abc",
        "2025-06-15T10:00:00.250Z",
        finished_at="2025-06-15T10:05:00+00:00",
        team=["crew"],
        git={"commit_sha": "A" * 40, "repository_id": "github.com/shop/checkout"},
        custom_tags=["tier:gold"],
        commits=[
            {"sha": "b" * 40, "timestamp": "2025-06-14T10:00:00Z", "message": "Fix\n\nall of it", "is_bot": False},
            {"sha": "c" * 40, "timestamp": "0001-01-01T00:00:00Z"},
        ],
        change_failure=True,
        remediation={"id": "def", "type": "rollback"},
    )
    async with reaching(datadog) as poller:
        await poller.poll()

    began = 1_749_981_600_250
    assert fields(poller.sink.store.deployments) == fields(
        {
            "apm:abc": Deployment(
                "apm:abc",
                "checkout",
                "production",
                began,
                1_749_981_900_000,
                version="v1",
                commit_sha="a" * 40,
                repository="github.com/shop/checkout",
                team="crew",
                source="apm",
                tags=("tier:gold",),
                commits=(Commit("b" * 40, 1_749_895_200_000, "Fix"),),
                upstream={"change_failure": True, "remediation": {"type": "rollback", "id": "apm:def"}},
            )
        }
    )


async def test_what_a_commit_says_that_it_takes_back_is_read_as_from_git(datadog: FakeDatadog) -> None:
    message = 'Revert "Round up"\n\nThis reverts commit 1111111111111111111111111111111111111111.'
    commits = [{"sha": "b" * 40, "timestamp": "2025-06-14T10:00:00Z", "message": message}]
    datadog.add("abc", text(NOW_MS - HOUR_MS), commits=commits)
    async with reaching(datadog) as poller:
        await poller.poll()

    found = poller.sink.store.deployments["apm:abc"]
    assert [named_reverts(each) for each in found.commits or ()] == [("1" * 40,)]


async def test_a_commit_whose_author_had_a_wrong_clock_is_kept(datadog: FakeDatadog) -> None:
    commits = [{"sha": "b" * 40, "timestamp": text(NOW_MS + 3 * DAY_MS), "message": "Fix"}]
    datadog.add("abc", text(NOW_MS - HOUR_MS), commits=commits)
    async with reaching(datadog) as poller:
        await poller.poll()

    assert poller.sink.store.deployments["apm:abc"].commits == (Commit("b" * 40, NOW_MS + 3 * DAY_MS, "Fix"),)


async def test_a_deployment_that_did_not_fail_has_no_remedy(datadog: FakeDatadog) -> None:
    remedy = {"id": "def", "type": "rollback"}
    datadog.add("abc", text(NOW_MS - HOUR_MS), change_failure=False, remediation=remedy)
    async with reaching(datadog) as poller:
        await poller.poll()

    assert poller.sink.store.deployments["apm:abc"].upstream == {"change_failure": False}


async def test_what_datadog_leaves_out_is_absent(datadog: FakeDatadog) -> None:
    datadog.add("abc", text(NOW_MS - HOUR_MS), finished_at=None, env=None, version=None, git=None)
    async with reaching(datadog) as poller:
        await poller.poll()

    began = NOW_MS - HOUR_MS
    assert fields(list(poller.sink.store.deployments.values())) == fields(
        [Deployment("apm:abc", "checkout", "none", began, began, source="apm")]
    )


async def test_the_configured_environment_is_that_of_a_row_without_one(datadog: FakeDatadog) -> None:
    datadog.add("abc", text(NOW_MS - HOUR_MS), env="")
    async with reaching(datadog, environment="live") as poller:
        await poller.poll()

    assert [found[1] for found in poller.found] == ["live"]


async def test_other_environments_are_left_out(datadog: FakeDatadog) -> None:
    datadog.add("abc", text(NOW_MS - HOUR_MS))
    datadog.add("def", text(NOW_MS - HOUR_MS), env="staging")
    async with reaching(datadog, environments=["production"]) as poller:
        await poller.poll()

    assert ids(poller) == {"abc"}
    assert poller.sink.skipped == 1


async def test_the_first_pass_reads_back_to_the_longest_window(datadog: FakeDatadog) -> None:
    datadog.add("inside", text(NOW_MS - WINDOW_MS + SECOND_MS))
    datadog.add("outside", text(NOW_MS - WINDOW_MS - MINUTE_MS))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert ids(poller) == {"inside"}


async def test_backfill_says_how_far_the_first_pass_reads(datadog: FakeDatadog) -> None:
    datadog.add("outside", text(NOW_MS - WINDOW_MS - MINUTE_MS))
    async with reaching(datadog, backfill="40d") as poller:
        await poller.poll()

    assert ids(poller) == {"outside"}


async def test_the_first_and_the_last_second_of_a_window_are_read_by_paging(datadog: FakeDatadog) -> None:
    for number in range(499):
        datadog.add(f"row-{number}", text(NOW_MS - HOUR_MS))
    edges = {"first", "first-too", "first-as-well", "last", "last-too"}
    for each in edges:
        datadog.add(each, text(NOW_MS - WINDOW_MS if each.startswith("first") else NOW_MS))
    datadog.add("before", text(NOW_MS - WINDOW_MS - SECOND_MS))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert len(datadog.seen) == 3
    assert {each for each in ids(poller) if not each.startswith("row")} == edges


async def test_pages_meet_in_a_second_that_holds_rows_of_both(datadog: FakeDatadog) -> None:
    for number in range(1_203):
        datadog.add(f"row-{number}", text(NOW_MS - HOUR_MS - number // 7 * SECOND_MS))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert len(ids(poller)) == 1_203
    assert sum(len(page) for page in poller.sink.written) == 1_203, "no row is written twice in a pass"
    assert poller.sink.overflowed == 0


async def test_a_second_that_holds_more_rows_than_a_page_is_asked_for_with_a_larger_limit(datadog: FakeDatadog) -> None:
    for number in range(900):
        datadog.add(f"same-{number}", text(NOW_MS - HOUR_MS))
    datadog.add("older", text(NOW_MS - 2 * HOUR_MS))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert len(ids(poller)) == 901
    assert poller.sink.overflowed == 0


async def test_a_second_that_holds_more_rows_than_any_page_is_stepped_over_and_counted(datadog: FakeDatadog) -> None:
    for number in range(1_300):
        datadog.add(f"same-{number}", text(NOW_MS - HOUR_MS + number % 10))
    datadog.add("newer", text(NOW_MS - MINUTE_MS))
    datadog.add("older", text(NOW_MS - 2 * HOUR_MS))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert {"newer", "older"} < ids(poller)
    assert len(ids(poller)) >= 1_000
    assert poller.sink.overflowed == 1
    assert poller.memory["cursor"] == NOW_MS


async def test_rows_inserted_while_paging_are_found_now_or_in_the_next_pass(datadog: FakeDatadog) -> None:
    for number in range(700):
        datadog.add(f"row-{number}", text(NOW_MS - HOUR_MS - number * SECOND_MS))
    async with reaching(datadog) as poller:

        def insert() -> None:
            datadog.add("newest", text(poller.clock()))
            datadog.add("between", text(NOW_MS - HOUR_MS - 90 * SECOND_MS))

        datadog.before_answer = insert
        await poller.poll()
        datadog.before_answer = lambda: None
        poller.clock.advance(5 * MINUTE_MS)
        await poller.poll()

    assert len(ids(poller)) == 702


async def test_a_pass_that_fails_is_read_again_and_doubles_nothing(datadog: FakeDatadog) -> None:
    for number in range(600):
        datadog.add(f"row-{number}", text(NOW_MS - HOUR_MS - number * SECOND_MS))
    async with reaching(datadog) as poller:
        page = datadog.before_answer

        def fail_from_the_second_page_on() -> None:
            if len(datadog.seen) > 1:
                datadog.faults.append(lambda: web.Response(status=500))

        datadog.before_answer = fail_from_the_second_page_on
        with pytest.raises(Unreachable):
            await poller.poll()
        assert poller.memory == {}
        assert len(ids(poller)) == 500

        datadog.before_answer = page
        await poller.poll()

    assert len(ids(poller)) == 600


@pytest.mark.parametrize("body", [b'{"data": [{"id": "a', b"[]", b'{"errors": []}', b"", b'{"data": null}'])
async def test_an_answer_that_is_cut_or_no_list_fails_the_pass(datadog: FakeDatadog, body: bytes) -> None:
    datadog.faults.append(lambda: web.Response(body=body))
    async with reaching(datadog) as poller:
        with pytest.raises(Unreadable):
            await poller.poll()


async def test_a_malformed_row_is_set_aside_and_the_pass_goes_on(datadog: FakeDatadog) -> None:
    datadog.add("good", text(NOW_MS - HOUR_MS))
    datadog.add("no service", text(NOW_MS - HOUR_MS), service=None)
    datadog.add("zero date", text(NOW_MS - HOUR_MS), finished_at="0001-01-01T00:00:00Z")
    datadog.add("far ahead", text(NOW_MS - HOUR_MS), finished_at=text(NOW_MS + 2 * DAY_MS))
    datadog.add("no end", text(NOW_MS - HOUR_MS), finished_at="yesterday")
    async with reaching(datadog) as poller:
        await poller.poll()

    assert ids(poller) == {"good", "zero date", "far ahead", "no end"}
    assert {each.finished_at for each in poller.sink.store.deployments.values()} == {NOW_MS - HOUR_MS}
    assert poller.sink.quarantined == ["no service"]


async def test_a_deployment_that_finished_before_it_started_took_no_time_and_is_counted(datadog: FakeDatadog) -> None:
    datadog.add("turned round", text(NOW_MS - HOUR_MS), finished_at=text(NOW_MS - 2 * HOUR_MS))
    datadog.add("upright", text(NOW_MS - HOUR_MS), finished_at=text(NOW_MS - HOUR_MS))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert {each.finished_at for each in poller.sink.store.deployments.values()} == {NOW_MS - HOUR_MS}
    assert poller.sink.clamped == ["apm:turned round"]


async def test_rows_that_are_no_deployments_are_set_aside(datadog: FakeDatadog) -> None:
    began = {"service": "checkout", "started_at": "0001-01-01T00:00:00Z"}
    datadog.faults.append(
        lambda: web.json_response({"data": [None, 7, {"id": "x"}, {"id": "y", "attributes": began}, {"id": ""}]})
    )
    async with reaching(datadog) as poller:
        await poller.poll()

    assert poller.sink.quarantined == ["?", "?", "x", "y", ""]


async def test_a_full_page_of_malformed_rows_fails_the_pass(datadog: FakeDatadog) -> None:
    datadog.faults.append(lambda: web.json_response({"data": [None] * 500}))
    async with reaching(datadog) as poller:
        with pytest.raises(Unreadable, match="none of the 500 rows"):
            await poller.poll()


async def test_a_deployment_reported_late_is_found_within_the_overlap(datadog: FakeDatadog) -> None:
    async with reaching(datadog) as poller:
        await poller.poll()
        datadog.add("late", text(NOW_MS - 9 * MINUTE_MS))
        poller.clock.advance(5 * MINUTE_MS)
        await poller.poll()

    assert ids(poller) == {"late"}


async def test_a_pass_reads_no_more_than_what_may_be_new(datadog: FakeDatadog) -> None:
    async with reaching(datadog) as poller:
        await poller.poll()
        poller.clock.advance(5 * MINUTE_MS)
        await poller.poll()

    asked = datadog.seen[-1]["data"]["attributes"]
    assert (asked["from"], asked["to"]) == (text(NOW_MS - 10 * MINUTE_MS), text(NOW_MS + 5 * MINUTE_MS))
    assert asked["query"] == "source:apm_deployments"


async def test_after_a_long_silence_the_next_pass_goes_on_where_the_last_one_ended(datadog: FakeDatadog) -> None:
    async with reaching(datadog) as poller:
        await poller.poll()
        poller.clock.advance(20 * DAY_MS)
        datadog.add("meanwhile", text(NOW_MS + HOUR_MS))
        await poller.poll()

    assert ids(poller) == {"meanwhile"}


async def test_a_cursor_ahead_of_the_clock_is_taken_for_now(datadog: FakeDatadog) -> None:
    async with reaching(datadog) as poller:
        await poller.poll()
        poller.clock.advance(-HOUR_MS)
        datadog.add("found", text(poller.clock() - 5 * MINUTE_MS))
        await poller.poll()

    assert ids(poller) == {"found"}
    assert poller.memory["cursor"] == NOW_MS - HOUR_MS


async def test_verdicts_of_the_last_14_days_are_read_again_at_start_and_once_a_day(datadog: FakeDatadog) -> None:
    datadog.add("abc", text(NOW_MS - 12 * DAY_MS))
    async with reaching(datadog) as poller:

        def judgement() -> object:
            return poller.sink.store.deployments["apm:abc"].upstream

        await poller.poll()
        assert judgement() is None, "null is pending"

        datadog.rows["abc"]["change_failure"] = False
        poller.clock.advance(HOUR_MS)
        await poller.poll()
        assert judgement() is None, "not read again yet"

        poller.restart()
        await poller.poll()
        assert judgement() == {"change_failure": False}

        datadog.rows["abc"]["change_failure"] = True
        poller.clock.advance(23 * HOUR_MS)
        await poller.poll()
        assert judgement() == {"change_failure": False}

        poller.clock.advance(HOUR_MS)
        await poller.poll()
        assert judgement() == {"change_failure": True}


async def test_what_a_person_decided_survives_what_datadog_says_later(datadog: FakeDatadog) -> None:
    datadog.add("judged", text(NOW_MS - HOUR_MS))
    datadog.add("deleted", text(NOW_MS - HOUR_MS))
    async with reaching(datadog) as poller:
        await poller.poll()
        verdict = Verdict(change_failure=False)
        poller.sink.store.apply(Judgement("apm:judged", verdict))
        poller.sink.store.apply(Deletion("deployment", "apm:deleted", NOW_MS, source=NAME))
        datadog.rows["judged"]["change_failure"] = True
        poller.restart()
        await poller.poll()

    assert ids(poller) == {"judged"}
    judged = poller.sink.store.deployments["apm:judged"]
    assert (judged.verdict, judged.upstream) == (verdict, {"change_failure": True})


async def test_a_wrong_key_is_a_misconfiguration_that_a_new_one_heals(datadog: FakeDatadog, tmp_path: Path) -> None:
    key = tmp_path / "api-key"
    key.write_text("old-key\n")
    datadog.add("abc", text(NOW_MS - HOUR_MS))
    async with reaching(datadog, api_key=None, api_key_file=key) as poller:
        with pytest.raises(Refused) as refused:
            await poller.poll()
        assert refused.value.is_misconfiguration
        assert "old-key" not in str(refused.value)

        key.write_text("api-key\n")
        await poller.poll()

    assert ids(poller) == {"abc"}


async def test_an_empty_key_is_a_misconfiguration(datadog: FakeDatadog, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    async with reaching(datadog, api_key=None, api_key_file=tmp_path / "empty") as poller:
        with pytest.raises(Misconfigured):
            await poller.poll()


async def test_the_metrics_are_not_asked_when_the_list_is_refused(datadog: FakeDatadog) -> None:
    datadog.faults.append(lambda: web.json_response({"errors": ["Forbidden"]}, status=403))
    async with reaching(datadog) as poller:
        with pytest.raises(Refused):
            await poller.poll()

    assert [question["data"]["type"] for question in datadog.seen] == ["dora_deployments_list_request"]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"api_key": None}, "needs either api_key or api_key_file"),
        ({"app_key_file": "/key"}, "needs either app_key or app_key_file"),
        ({"method": "auto"}, "method"),
        ({"site": "datadoghq.com/x"}, "site"),
        ({"base_url": "https://user:secret@host"}, "base_url"),
        ({"operation": "web} by {x"}, "operation"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as refused:
        DatadogApmSettings.model_validate({"kind": "datadog_apm", **KEYS, **settings})
    assert "secret" not in str(refused.value)
