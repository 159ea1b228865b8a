"""A defect stays in its series: whatever stage meets it, all other numbers are right, and its own right or absent."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.oracle.gauges import Sample
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter.dora import metrics
from dora_exporter.dora.events import Deployment, Series
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Metric, Value, WindowMetric
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.definitions import Definitions


class Trap:
    """A rule that finds nothing, and raises in one of its stages whenever it is told to."""

    needs_commits = False

    def __init__(self, stage: str, is_shut: Callable[[Deployment], bool]) -> None:
        self._stage = stage
        self._is_shut = is_shut

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        self._meet("ingest", deployments)
        return deployments

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[LookupKey]) -> Iterable[Link]:
        self._meet("classifier", [remedy])
        return ()

    def _meet(self, stage: str, deployments: Iterable[Deployment]) -> None:
        if stage == self._stage and any(map(self._is_shut, deployments)):
            raise RuntimeError(stage)


class TrappedMetric:
    """Raises when it is read and told to."""

    def __init__(self, metric: WindowMetric, is_shut: Callable[[Measures], bool]) -> None:
        self.metric = metric
        self._is_shut = is_shut

    def read(self, measures: Measures, window: Window) -> Iterable[Value]:
        if self._is_shut(measures):
            raise RuntimeError("rendering")
        return self.metric.read(measures, window)


def trapped(is_shut: Callable[[Measures], bool]) -> Sequence[Metric]:
    """All metrics, of which the one of deployments raises."""
    return [
        replace(each, read=TrappedMetric(each, is_shut).read)
        if isinstance(each, WindowMetric) and each.name == "dora_deployments"
        else each
        for each in metrics.ALL
    ]


SERVICES = ("cart", "checkout", "search")


def daemon_with(
    stage: str, is_shut: Callable[[object], bool], *, series_limit: int = 10, teams: dict[str, str] | None = None
) -> Daemon:
    """A daemon with a trap in a stage."""
    return Daemon(
        Definitions(
            windows=WINDOWS,
            retention_ms=RETENTION_MS,
            series_limit=series_limit,
            rules=(Trap(stage, is_shut),),
            teams=teams or {},
            metrics=trapped(is_shut) if stage == "rendering" else metrics.ALL,
        )
    )


def expected(daemon: Daemon) -> dict[Sample, float]:
    daemon.definitions = Definitions(
        windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10, teams=daemon.definitions.teams
    )
    return daemon.expected()


def act(daemon: Daemon, number: int) -> None:
    service = SERVICES[number % 3]
    if number % 5 == 4:
        daemon.perform(
            incident(
                id=f"i{number % 4}", services=("cart", "search"), team="crew", started_at=NOW_MS - number * HOUR_MS
            )
        )
    daemon.perform(deployment(id=f"d{number % 7}", service=service, team="crew", finished_at=NOW_MS - number * HOUR_MS))


@pytest.mark.parametrize("moment", [1, 2, 3, 5, 8, 13, 21, 34])
@pytest.mark.parametrize("stage", ["ingest", "classifier", "rendering"])
def test_a_defect_that_is_met_once_leaves_no_trace_in_the_numbers(
    stage: str, moment: int, caplog: pytest.LogCaptureFixture
) -> None:
    met = 0

    def is_shut(_: object) -> bool:
        nonlocal met
        met += 1
        return met == moment

    daemon = daemon_with(stage, is_shut)
    for number in range(40):
        act(daemon, number)
        assert differences(daemon.samples(), expected(daemon)) == {}
        assert daemon.engine.broken_series == 0
    assert met >= moment
    (said,) = caplog.records
    assert "recomputed after an internal error" in said.getMessage()
    assert said.exc_info is not None


@pytest.mark.parametrize("stage", ["ingest", "classifier"])
@pytest.mark.parametrize("series_limit", [10, 1])
def test_a_series_that_cannot_be_computed_is_left_out_of_all_numbers_until_it_can(
    stage: str, series_limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    shut = True
    daemon = daemon_with(stage, lambda each: shut and getattr(each, "service", "") == "cart", series_limit=series_limit)
    whole = daemon_with("none", lambda _: False, series_limit=series_limit)
    for number in range(1, 12):
        for each in (daemon, whole):
            each.perform(deployment(id=f"d{number}", service=SERVICES[number % 2 + 1], team="crew"))
        daemon.perform(deployment(id="cart", service="cart", team="crew", finished_at=NOW_MS - number * HOUR_MS))
        assert differences(daemon.samples(), whole.samples()) == {}
        assert daemon.engine.broken_series == 1
        assert daemon.engine.is_broken(Series("cart", "production"))
    assert caplog.text.count("series has no metrics after an internal error service='cart'") == 1
    shut = False
    daemon.perform(deployment(id="cart", service="cart", team="crew"))
    whole.perform(deployment(id="cart", service="cart", team="crew"))
    assert daemon.samples().keys() - whole.samples().keys() == set()
    assert daemon.engine.broken_series == 0
    assert "series recovered service='cart'" in caplog.text


def test_a_series_that_cannot_be_rendered_is_left_out_of_its_team_too() -> None:
    daemon = daemon_with("rendering", lambda measures: len(measures.deployments) == 2 and bool(measures.sources))  # type: ignore[attr-defined]
    whole = daemon_with("none", lambda _: False)
    for each in (daemon, whole):
        each.perform(deployment(id="one", service="checkout", team="crew"))
    for number in range(2):
        daemon.perform(deployment(id=f"d{number}", service="cart", team="crew"))
    assert differences(daemon.samples(), whole.samples()) == {}
    assert daemon.engine.broken_series == 1


@pytest.mark.parametrize("stage", ["ingest", "classifier"])
@pytest.mark.parametrize("series_limit", [10, 1])
def test_the_teams_of_a_series_that_cannot_be_computed_are_absent(stage: str, series_limit: int) -> None:
    shut = False
    daemon = daemon_with(stage, lambda _: shut, series_limit=series_limit)
    daemon.perform(deployment(id="one", service="cart", team="crew"))
    daemon.perform(deployment(id="two", service="cart", team="squad"))
    assert len({dict(labels)["team"] for name, labels in daemon.samples() if name == "dora_team_deployments"}) == 2
    shut = True
    daemon.perform(deployment(id="three", service="cart", team="crew"))
    assert not daemon.samples()


def test_a_team_that_cannot_be_rendered_is_absent_until_it_can() -> None:
    shut = False
    daemon = daemon_with("rendering", lambda measures: shut and not measures.sources)  # type: ignore[attr-defined]
    daemon.perform(deployment(id="zero", service="checkout", team="crew"))
    assert [name for name, _ in daemon.samples() if name.startswith("dora_team_")]
    shut = True
    daemon.perform(deployment(id="one", service="checkout", team="crew"))
    assert not [name for name, _ in daemon.samples() if name.startswith("dora_team_")]
    assert (
        differences(daemon.samples(), {key: value for key, value in expected(daemon).items() if "_team_" not in key[0]})
        == {}
    )
    assert daemon.engine.broken_series == 1
    shut = False
    daemon.perform(deployment(id="two", service="checkout", team="crew"))
    assert differences(daemon.samples(), expected(daemon)) == {}
    assert daemon.engine.broken_series == 0


def test_a_count_that_was_made_anew_loses_no_team_when_an_incident_of_several_services_moves_on() -> None:
    armed: list[bool] = []
    teams = {"cart": "crew", "checkout": "squad"}
    daemon = daemon_with("rendering", lambda _: bool(armed and armed.pop()), series_limit=1, teams=teams)
    whole = daemon_with("none", lambda _: False, series_limit=1, teams=teams)
    shared = incident(id="shared", services=("cart", "checkout"), team=None)
    for each in (daemon, whole):
        each.perform(deployment(id="first", service="search", team="guild"))
        each.perform(deployment(id="second", service="checkout", team=None))
        each.perform(incident(id="page", services=("cart",), team=None))
    armed.append(True)
    daemon.perform(shared)
    daemon.samples()
    assert not armed
    whole.perform(shared)
    for each in (daemon, whole):
        each.perform(incident(id="shared", services=("cart",), team="guild"))
    assert differences(daemon.samples(), whole.samples()) == {}


def test_a_series_that_is_computed_anew_and_has_nothing_left_to_show_is_gone() -> None:
    """All that is left of it is an attempt that is older than the retention: it is known, and counts nowhere."""
    daemon = daemon_with("none", lambda _: False)
    many = [deployment(id=f"d{number}", service="cart", team="crew") for number in range(2000)]
    daemon.store.apply(
        deployment(id="old", service="cart", outcome="failed", finished_at=NOW_MS - RETENTION_MS - HOUR_MS)
    )
    daemon.store.apply_all(many)
    assert ("dora_deployments", "cart") in shown(daemon)
    daemon.store.apply_all([Deletion("deployment", each.id, NOW_MS) for each in many])
    assert shown(daemon) == set()


def shown(daemon: Daemon) -> set[tuple[str, str]]:
    return {(name, dict(labels)["service"]) for name, labels in daemon.samples() if "service" in dict(labels)}
