"""Numbers as the API reads them: at now the gauges, at any instant what the oracle says of what was known then."""

import asyncio
from collections.abc import Iterable, Iterator

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import NOT_IN_THE_ORACLE, Daemon, definitions
from tests.oracle.gauges import Sample, expected
from tests.strategies import RETENTION_MS, TREE, WINDOWS, Action, actions, crowded_actions

from dora_exporter.dora import metrics
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.metrics.contract import Metric, WindowMetric
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.number_values import Shown
from dora_exporter.series.numbers import NumbersOf, Question, Selection, numbers, select

METRICS = {each.name: each for each in (*metrics.ALL, *metrics.BY_SEVERITY)}
CROWDED_TREE = Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=1, groups=TREE)
JUST_EXPIRED: list[Action] = [
    deployment(id="old", service="cart", finished_at=NOW_MS - RETENTION_MS - 500),
    deployment(id="new", service="cart", finished_at=NOW_MS - DAY_MS),
]
WIDE = ("fortnight", 14 * DAY_MS)
_property = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
worlds = st.lists(actions(), max_size=15) | st.lists(crowded_actions(), max_size=15)
ages = st.lists(st.integers(0, 25 * DAY_MS), min_size=1, max_size=4, unique=True)
single_ages = st.lists(st.integers(0, 25 * DAY_MS) | st.sampled_from([0, 1, 1000, HOUR_MS]), min_size=1, max_size=1)


def read(daemon: Daemon, question: Question) -> list[NumbersOf]:
    """The numbers of all series, teams and groups."""

    async def reading() -> list[NumbersOf]:
        return [
            found
            for kind in ("service", "team", "group")
            for found in await numbers(daemon.engine, await select(daemon.engine, Selection(kind=kind)), question)
        ]

    return asyncio.run(reading())


def samples_of(found: Iterable[NumbersOf], until_ms: int) -> dict[Sample, float]:
    """What they say at an instant, as samples of the gauges."""
    return {
        (family(gauge, each.subject.kind), frozenset({**each.subject.labels, **labels}.items())): value
        for each in found
        for number in each.numbers
        if number.window.end_ms == until_ms
        for gauge, shown in number.values.items()
        if not gauge.endswith(NOT_IN_THE_ORACLE)
        for labels, value in labelled(METRICS[gauge], shown, number.window.text)
        if value is not None
    }


def family(gauge: str, kind: str) -> str:
    return gauge.replace("dora_", "dora_" if kind == "service" else f"dora_{kind}_", 1)


def labelled(metric: Metric, shown: Shown, window: str) -> Iterator[tuple[dict[str, str], float | None]]:
    """The samples of a gauge with their own labels, those too that are null."""
    common = {"window": window} if isinstance(metric, WindowMetric) else {}
    for own, value in flat(shown):
        if len(own) == len(metric.labels) and own[-1:] != ("samples",):
            yield common | dict(zip(metric.labels, own, strict=True)), value


def flat(shown: Shown | float | None, *before: str) -> Iterator[tuple[tuple[str, ...], float | None]]:
    if not isinstance(shown, dict):
        yield before, shown
        return
    for label, value in shown.items():
        yield from flat(dict(value) if isinstance(value, dict) else value, *before, label)


@_property
@example(CROWDED_TREE, [incident(services=("cart",))])
@given(definitions, worlds)
def test_at_now_they_are_the_gauges_digit_for_digit(given_definitions: Definitions, history: list[Action]) -> None:
    daemon = Daemon(given_definitions)
    for action in history:
        daemon.perform(action)
    gauges = {each: value for each, value in daemon.samples().items() if not each[0].startswith("dora_dimension_")}
    found = samples_of(read(daemon, question(daemon, given_definitions.windows)), daemon.now_ms)

    own = {sample: value for sample, value in gauges.items() if not is_folded(sample)}
    assert {sample: found.get(sample) for sample in own} == own
    if not any(map(is_folded, gauges)):
        assert found == own


@_property
@example(CROWDED_TREE, [incident(services=("cart",))], [0])
@example(CROWDED_TREE, JUST_EXPIRED, [1000])
@given(definitions, worlds, ages | single_ages)
def test_at_instants_they_are_what_the_oracle_says_of_what_was_known_then(
    given_definitions: Definitions, history: list[Action], ages_ms: list[int]
) -> None:
    daemon = Daemon(given_definitions)
    for action in history:
        daemon.perform(action)
    gauges = daemon.samples()
    instants = sorted(daemon.now_ms - age for age in ages_ms)
    windows = (*given_definitions.windows, WIDE)
    found = read(daemon, question(daemon, windows, instants))
    known_now = {(each.subject.name, each.subject.environment) for each in found}

    for instant in instants:
        wanted = {
            sample: value
            for sample, value in oracle_at(daemon, instant, windows).items()
            if sample[0] != "dora_service_info" and subject_of(sample) in known_now
        }
        assert differences(samples_of(found, instant), wanted) == {}
    assert daemon.samples() == gauges


@_property
@given(definitions, worlds)
def test_in_hindsight_a_range_until_now_is_the_same(given_definitions: Definitions, history: list[Action]) -> None:
    daemon = Daemon(given_definitions)
    for action in history:
        daemon.perform(action)
    daemon.samples()
    now = [daemon.now_ms]
    asked = question(daemon, [WIDE], now), question(daemon, [WIDE])
    then, current = (samples_of(read(daemon, each), daemon.now_ms) for each in asked)
    hindsight = samples_of(
        read(daemon, Question(metrics=daemon.definitions.metrics, windows=[WIDE], instants=now, in_hindsight=True)),
        daemon.now_ms,
    )

    known_then = set(map(subject_of, then))  # a series whose first event is to come is not known yet, as in history
    assert differences(then, {each: current[each] for each in current if subject_of(each) in known_then}) == {}
    assert hindsight == {sample: value for sample, value in current.items() if dict(sample[1]).get("window")}


def question(daemon: Daemon, windows: Iterable[tuple[str, int]], instants: Iterable[int] = ()) -> Question:
    return Question(metrics=daemon.definitions.metrics, windows=tuple(windows), instants=tuple(instants))


def oracle_at(daemon: Daemon, instant: int, windows: Iterable[tuple[str, int]]) -> dict[Sample, float]:
    definitions = daemon.definitions
    return expected(
        [each for each in daemon.store.deployments.values() if each.finished_at <= instant],
        [each for each in daemon.store.incidents.values() if each.started_at <= instant],
        now_ms=instant,
        windows=tuple(windows),
        retention_ms=definitions.retention_ms,
        attribution_limit_ms=definitions.attribution_limit_ms,
        team_of=definitions.teams,
        incident_rules=definitions.incidents,
        groups=definitions.groups,
        rollback_rule=bool(definitions.rules),
        revert_rule=len(definitions.rules) > 1,
    )


def subject_of(sample: Sample) -> tuple[str, str]:
    labels = dict(sample[1])
    return labels.get("service") or labels.get("team") or labels["group"], labels["environment"]


def is_folded(sample: Sample) -> bool:
    return "_other" in subject_of(sample) or sample[0] == "dora_service_info"
