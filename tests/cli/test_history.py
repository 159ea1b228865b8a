"""The past as OpenMetrics: at every instant it is what the oracle computes from the events known by then."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.builders import DAY_MS, HOUR_MS, NOW_MS, deployment, incident
from tests.cli.calling import NAME, Called, call, kept
from tests.oracle.comparing import differences
from tests.oracle.daemons import NOT_IN_THE_ORACLE
from tests.oracle.gauges import Sample, expected
from tests.storage.file.logs import opened

from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.dora.events import Deployment, Incident, Verdict
from dora_exporter.dora.records import Cursor, Deletion, Judgement, Record, SeriesOrder
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import system_clock

WINDOWS = [("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS), ("90d", 90 * DAY_MS)]
RETENTION_MS = 400 * DAY_MS
SNAPSHOT = f"--snapshot.path={NAME}"
END_MS = NOW_MS - NOW_MS % HOUR_MS

parsed: Callable[[str], Iterable[Metric]] = text_string_to_metric_families


def instants_of(text: str) -> dict[int, dict[Sample, float]]:
    """The samples of each instant, in milliseconds. The parser sees that families and series are not torn apart."""
    found: dict[int, dict[Sample, float]] = defaultdict(dict)
    for family in parsed(text):
        for sample in family.samples:
            if not sample.name.endswith((*NOT_IN_THE_ORACLE, "performance_level")):
                key = sample.name, frozenset(sample.labels.items())
                moment = round(float(str(sample.timestamp)) * 1000)
                assert key not in found[moment]
                found[moment][key] = sample.value
    return found


def wanted_at(records: Iterable[Record], now_ms: int) -> Mapping[Sample, float]:
    """What the oracle says of the events that a daemon knew by then."""
    store = EventStore()
    for record in records:
        store.apply(record)
    return expected(
        [each for each in store.deployments.values() if each.finished_at <= now_ms],
        [each for each in store.incidents.values() if each.started_at <= now_ms],
        now_ms=now_ms,
        windows=WINDOWS,
        retention_ms=RETENTION_MS,
        series_order=store.series_order,
    )


def seconds(ms: int) -> str:
    return str(ms // 1000)


def history(called: Called, first: int, last: int, step: str, *more: str) -> str:
    ended = called("history", SNAPSHOT, f"--from={seconds(first)}", f"--to={seconds(last)}", f"--step={step}", *more)
    assert (ended.code, ended.errors) == (0, "")
    return ended.output


def test_every_instant_is_what_the_oracle_says(called: Called) -> None:
    past, _ = split(organisation(7, END_MS, days=9), END_MS)
    records = [happening.record for happening in past]
    kept(Path(NAME), records)
    Path("config.yaml").write_text("failures: {revert: {enabled: false}, rules: []}")  # the oracle has rollbacks only
    first = END_MS - 10 * DAY_MS
    found = instants_of(history(called, first, END_MS, "30h", "--config.file=config.yaml"))
    instants = range(first, END_MS + 1, 30 * HOUR_MS)
    assert len(instants) == 9
    wanted = {each: wanted_at(records, each) for each in instants}
    assert sorted(found) == [each for each in instants if wanted[each]]
    for instant in instants:
        assert differences(found[instant], wanted[instant]) == {}


def test_a_series_exists_from_its_first_event_on_and_a_number_while_it_has_a_sample(called: Called) -> None:
    kept(Path(NAME), [deployment(finished_at=END_MS - 20 * DAY_MS)])
    found = instants_of(history(called, END_MS - 21 * DAY_MS, END_MS, "1d"))
    seven = frozenset({"service": "checkout", "environment": "production", "window": "7d"}.items())
    days = range(END_MS - 20 * DAY_MS, END_MS + 1, DAY_MS)
    assert sorted(found) == list(days)
    counts = [found[each]["dora_deployments", seven] for each in days]
    assert counts == [1.0] * 7 + [0.0] * 14
    assert [("dora_change_failure_rate", seven) in found[each] for each in days] == [True] * 7 + [False] * 14


def test_what_was_learnt_later_counts_from_the_event_on(called: Called) -> None:
    kept(
        Path(NAME),
        [
            SeriesOrder((("late", "production"), ("checkout", "production"))),
            deployment(id="judged", finished_at=END_MS - 2 * DAY_MS),
            Judgement("judged", Verdict(change_failure=True)),
            deployment(id="gone", finished_at=END_MS - 2 * DAY_MS, version="v2"),
            Deletion("deployment", "gone", at=END_MS),
            incident(id="open", started_at=END_MS - DAY_MS, finished_at=END_MS - HOUR_MS),
            deployment(service="late", finished_at=END_MS),
            Cursor("pagerduty", {"since": 1}),
        ],
    )
    Path("config.yaml").write_text("limits: {series: 1}")
    found = instants_of(history(called, END_MS - 2 * DAY_MS, END_MS, "12h", "--config.file=config.yaml"))
    month = {"environment": "production", "window": "30d"}
    named = frozenset({"service": "checkout", **month}.items())
    moments = sorted(found)
    assert [found[each].get(("dora_failed_deployments", named)) for each in moments] == [1, 1, 1, 1, None]
    opened_now = frozenset({"service": "checkout", "environment": "production"}.items())
    assert [found[each].get(("dora_open_incidents", opened_now)) for each in moments] == [0, 0, 1, 1, None]
    late = frozenset({"service": "late", **month}.items())
    assert found[END_MS]["dora_deployments", late] == 1, "the first in the log keeps its name among too many"


def test_instants_need_not_be_whole_seconds(called: Called) -> None:
    kept(Path(NAME), [deployment(finished_at=END_MS)])
    text = history(called, END_MS, END_MS + 1000, "400ms")
    stamps = [line.split()[-1] for line in text.splitlines() if line.startswith("dora_last_deployment_timestamp")]
    assert stamps == [f"{END_MS // 1000}{fraction}" for fraction in ("", ".400", ".800")]


async def test_it_reads_beside_the_daemon_that_holds_the_file(tmp_path: Path) -> None:
    async with opened(tmp_path / NAME) as daemon:
        await daemon.log.append([deployment(finished_at=system_clock() - HOUR_MS)])
        ended = call("history", SNAPSHOT, f"--from={seconds(system_clock() - HOUR_MS // 2)}", folder=tmp_path)
    assert (ended.code, ended.errors) == (0, "")
    assert 'dora_deployments{environment="production",service="checkout",window="7d"} 1.0 ' in ended.output
    assert ended.output.endswith("\n# EOF\n")


def test_an_empty_past_is_still_openmetrics(called: Called) -> None:
    kept(Path(NAME))
    assert history(called, END_MS - DAY_MS, END_MS, "1h") == "# EOF\n"


@pytest.mark.parametrize(
    "first", ["2025-06-14T15:00:00Z", "2025-06-14t17:00:00+02:00", "2025-06-14T15:00", "1749913200"]
)
def test_times_are_taken_as_people_write_them(first: str, called: Called) -> None:
    kept(Path(NAME), [deployment(finished_at=END_MS - 3 * DAY_MS)])
    ended = called("history", SNAPSHOT, f"--from={first}", "--to=2025-06-15", "--step=10h")
    assert sorted(instants_of(ended.output)) == [1_749_913_200_000]


def test_it_warns_where_events_are_gone(called: Called, caplog: pytest.LogCaptureFixture) -> None:
    kept(Path(NAME))
    first = system_clock() - 311 * DAY_MS
    history(called, first, first, "1h")
    assert (
        "retention may have removed events that the first samples need retention=400d window=90d complete_from="
        in caplog.text
    )
    caplog.clear()
    history(called, first + 2 * DAY_MS, first + 2 * DAY_MS, "1h")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from=2025-06-15", "--to=2025-06-14"), "--from is after --to"),
        (("--from=2999-06-15",), "--from is in the future"),
        (("--from=2025-06-15", "--to=2999-06-14"), "--to is in the future"),
        (("--from=2025-06-15",), f"snapshot file {NAME} cannot be used: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], reason: str, called: Called) -> None:
    ended = called("history", SNAPSHOT, *arguments)
    assert (ended.code, ended.output, ended.errors) == (1, "", f"{reason}\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "the following arguments are required: --from"),
        (
            ("--from=yesterday",),
            "argument --from: 'yesterday' is not a time such as 2026-01-31T12:00:00Z or 2026-01-31",
        ),
        (("--from=2025-06-15", "--step=5"), "argument --step: must be a duration such as 30s, 5m, 12h or 90d"),
        (("--from=2025-06-15", "--step=0s"), "argument --step: must be greater than 0"),
    ],
)
def test_a_wrong_call_is_answered_with_the_usage(
    arguments: tuple[str, ...], reason: str, called: Called, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        called("history", *arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith(f"dora-exporter history: error: {reason}\n")


def test_the_wanted_samples_hold_more_than_counts() -> None:
    """Or the comparison would say little."""
    past, _ = split(organisation(7, END_MS, days=9), END_MS)
    names = {name for name, _ in wanted_at([happening.record for happening in past], END_MS)}
    assert {"dora_change_lead_time_seconds", "dora_time_to_restore_seconds", "dora_team_failed_deployments"} <= names
    assert {type(happening.record) for happening in past} == {Deployment, Incident, Judgement}
