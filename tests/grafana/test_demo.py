"""What a newcomer sees after the manual's first commands: data in every panel, and an alert that fires and resolves."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from tests.deploy.manifests import DEPLOY, read
from tests.grafana.dashboards import FILES, Query, queries
from tests.grafana.first_hour import CHECKOUT, FirstHour, commands, first_hour


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstHour]:
    with first_hour(tmp_path_factory.mktemp("first_hour")) as running:
        yield running


def panels_with_queries() -> Iterator[tuple[str, list[Query]]]:
    """Each panel of each dashboard, with all that it asks for, but what exists only where something got worse."""
    for file in FILES:
        for panel, asked in groupby(queries(file, panels_only=True), key=lambda query: query.place.rpartition(":")[0]):
            expressions = list(asked)
            if not any(":growth7d" in query.expression for query in expressions):
                yield panel, expressions


def test_there_are_four_commands_after_the_demo() -> None:
    demo, *others = commands()
    assert demo == ["dora-exporter", "demo"]
    assert len(others) == 4


def test_grafana_is_started_with_files_that_exist_and_the_image_of_the_compose_file() -> None:
    *flags, image = commands()[3]
    mounted = [Path(each.removeprefix("$PWD/").partition(":")[0]) for each in flags if each.startswith("$PWD/")]
    assert mounted == [Path("grafana/provisioning"), Path("grafana/dashboards")]
    assert all((CHECKOUT / each).is_dir() for each in mounted)
    assert image == read(DEPLOY / "compose.yaml")["services"]["grafana"]["image"]


@pytest.mark.e2e
@pytest.mark.parametrize("asked", [pytest.param(asked, id=panel) for panel, asked in panels_with_queries()])
def test_every_panel_has_data(asked: list[Query], running: FirstHour) -> None:
    running.prometheus.wait_for_any([query.expression for query in asked], seconds=90)


@pytest.mark.e2e
def test_a_shipped_alert_fires(running: FirstHour) -> None:
    running.prometheus.wait_for('ALERTS{alertname="DoraIncidentOpenTooLong", alertstate="firing"}', seconds=120)


@pytest.mark.e2e
def test_an_alert_fires_in_alertmanager_and_is_resolved(running: FirstHour) -> None:
    resolved = running.wait_for_a_resolved("DemoIncidentOpen")
    assert {"service", "environment"} <= resolved.keys()
    assert "DemoIncidentOpen" in running.look_at_alerts()
