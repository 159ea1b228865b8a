"""Every panel of every dashboard, looked at: Grafana's own components draw it from the demo's thirty days.

``UPDATE_IMAGES=1 python -m pytest -m e2e tests/grafana/test_rendering.py`` writes the pictures of the documentation.
"""

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.chromium import browsing
from tests.e2e.daemon import RunningDaemon
from tests.grafana.dashboards import CHOICES, FILES, GRAFANA, statements
from tests.grafana.rendered import Renderer, Rows, Span, bundle, cut_texts, render, served
from tests.grafana.shop import BLOCK_STEP_SECONDS, Shop, open_shop
from tests.storage.postgresql.cluster import Database, cluster
from tests.storage.postgresql.replicas import replicas

from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

IMAGES = GRAFANA.parent / "docs" / "images"
DAYS = 30
MAY_BE_EMPTY = {"Last write and compaction", "Failing more often", "Longer lead time, median", "Deployed less often"}
"""A compaction comes once a day, and with luck nothing got worse but what the shop made worse."""


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop, with its last thirty days in Prometheus."""
    with open_shop(tmp_path_factory.mktemp("shop"), days_in_prometheus=DAYS) as shop:
        yield shop


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderer]:
    folder = tmp_path_factory.mktemp("rendering")
    bundle(folder)
    with served(folder) as url, browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield Renderer(browser, folder, url)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """What the statements of the dashboards find in the database of a replica that was sent some events."""
    with cluster() as postgresql:
        database = postgresql.create_database()
        with replicas(tmp_path_factory.mktemp("replica"), database, [database.url()]) as (only,):
            send_a_day(only.running)
            yield {each.asked: found(database, each.expression) for each in statements()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_panel_draws_without_an_error_and_shows_data(
    file: Path, month: Shop, renderer: Renderer, rows: Rows
) -> None:
    seen = render(file, month.prometheus, span(file), renderer, rows)
    keep(renderer, file.stem)

    assert renderer.browser.texts(".fault") == []
    assert renderer.browser.complaints() == []
    assert cut_texts(renderer) == []
    assert {each.panel["title"] for each in seen if each.is_empty} <= MAY_BE_EMPTY


def test_a_panel_without_data_and_a_panel_in_error_are_found(month: Shop, renderer: Renderer, tmp_path: Path) -> None:
    spoiled = json.loads((GRAFANA / "dashboards" / "service.json").read_text(encoding="utf-8"))
    empty, broken, *_ = [panel for panel in spoiled["panels"] if panel["type"] == "stat"]
    empty["targets"][0]["expr"] = "nothing_of_the_kind"
    del broken["options"]["reduceOptions"]
    file = tmp_path / "spoiled.json"
    file.write_text(json.dumps(spoiled))

    seen = render(file, month.prometheus, span(file), renderer, {})
    assert [each.panel["title"] for each in seen if each.is_empty] == [empty["title"]]
    assert len(renderer.browser.texts(".fault")) == 1
    renderer.browser.complaints()


def span(file: Path) -> Span:
    """Thirty days of what the past has, and of the daemon itself the time since it was started."""
    now = system_clock() // 1000
    if file.stem == "exporter":
        return Span(now - 20, now, 1, now)
    last = now - now % BLOCK_STEP_SECONDS
    return Span(last - DAYS * 86400, last, BLOCK_STEP_SECONDS, now)


def send_a_day(daemon: RunningDaemon) -> None:
    """Some deployments and an incident of today."""
    now = system_clock() // 1000
    for hours in range(1, 13):
        finished = now - hours * 3600
        facts = {
            "service": CHOICES["service"],
            "env": "production",
            "team": CHOICES["team"],
            "version": f"1.{30 - hours}.0",
        }
        daemon.send("deployment", **facts, started_at=finished - 300, finished_at=finished)
    incident = {"services": [CHOICES["service"]], "env": "production", "name": "queue grows", "severity": "SEV-2"}
    daemon.send("failure", **incident, started_at=now - 9000, finished_at=now - 3000)


def found(database: Database, statement: str) -> list[dict[str, object]]:
    """The rows of a statement."""
    return [json.loads(row) for row in database.sql(f"SELECT row_to_json(found) FROM ({statement}) AS found")]


def keep(renderer: Renderer, name: str) -> None:
    """Writes what the browser shows."""
    picture = renderer.browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 50})
    place = IMAGES if os.environ.get("UPDATE_IMAGES") == "1" else renderer.folder
    (place / f"dashboard-{name}.webp").write_bytes(b64decode(picture["data"]))
