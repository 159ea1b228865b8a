"""What a newcomer sees after the first commands: the demo has data for every panel, and an alert that fires."""

from collections.abc import Iterator
from itertools import groupby

import pytest
import yaml
from tests.grafana.dashboards import FILES, GRAFANA, Query, queries
from tests.grafana.monitoring import firing
from tests.grafana.shop import Shop, open_demo

pytestmark = pytest.mark.e2e

DEMO_RULES = GRAFANA.parent / "deploy" / "compose" / "demo.rules.yaml"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def panels_with_queries() -> Iterator[tuple[str, list[Query]]]:
    """Each panel of each dashboard, with all that it asks for."""
    for file in FILES:
        for panel, asked in groupby(queries(file, panels_only=True), key=lambda query: query.place.rpartition(":")[0]):
            yield panel, list(asked)


@pytest.mark.parametrize(("panel", "asked"), [pytest.param(*each, id=each[0]) for each in panels_with_queries()])
def test_every_panel_has_data(panel: str, asked: list[Query], demo: Shop) -> None:
    assert any(demo.prometheus.query(query.expression) for query in asked), panel


def test_the_demos_own_alert_sees_the_incidents_that_are_open(demo: Shop) -> None:
    (group,) = yaml.safe_load(DEMO_RULES.read_text(encoding="utf-8"))["groups"]
    (rule,) = group["rules"]
    assert demo.prometheus.query(rule["expr"])


def test_a_shipped_alert_fires(demo: Shop) -> None:
    demo.prometheus.wait_for('ALERTS{alertname="DoraIncidentOpenTooLong", alertstate="firing"}')
    assert "DoraIncidentOpenTooLong" in {labels["alertname"] for labels in firing(demo.prometheus)}
