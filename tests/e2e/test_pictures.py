"""Pages as the manual shows them: ``UPDATE_IMAGES=1 python -m pytest -m e2e tests/e2e/test_pictures.py`` keeps them."""

import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pictures import BADGES, FOLDER, PICTURES
from tests.e2e.chromium import Browser, browsing
from tests.e2e.daemon import Daemon, RunningDaemon

from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.cli.demo.services import GROUPS, SERVICES
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import encode, header_line

pytestmark = pytest.mark.e2e

SEED = 7
ENVIRONMENTS = ("production", "staging", "development")
UNMAPPED = {"checkout-svc": 9, "Web_Shop": 4, "search2": 2}
"""Services with names that the catalogue does not know, and how many deployments each has."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon with the demo's past and groups, whose catalogue knows most of the names."""
    now_ms = system_clock()
    past, _ = split(organisation(SEED, now_ms), now_ms)
    known: dict[str, object] = {
        "services": {each.name: {} for each in SERVICES},
        "environments": {name: {} for name in ENVIRONMENTS},
    }
    daemon = Daemon(tmp_path_factory.mktemp("daemon"), settings={"groups": GROUPS, **known})
    daemon.snapshot.write_bytes(header_line() + b"".join(encode(each.record) for each in past))
    with daemon.running() as running:
        for service, number in UNMAPPED.items():
            for hours in range(1, number + 1):
                finished = now_ms // 1000 - hours * 3600
                times = {"started_at": finished - 300, "finished_at": finished}
                running.send("deployment", service=service, env="review-71", version=f"0.{number - hours}", **times)
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        yield browser


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of the manual where pictures are to be taken anew, else one of the test."""
    return FOLDER if os.environ.get("UPDATE_IMAGES") == "1" else tmp_path


@pytest.mark.parametrize("path", dict.fromkeys(each.path for each in PICTURES))
def test_a_page_looks_as_the_manual_shows_it(shown: RunningDaemon, browser: Browser, place: Path, path: str) -> None:
    browser.driver.get(shown.url + path)
    for picture in (each for each in PICTURES if each.path == path):
        browser.resize(width=picture.size[0], height=picture.size[1], scheme=picture.scheme)
        taken = browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 75})
        (place / f"{picture.name}.webp").write_bytes(b64decode(taken["data"]))
        assert browser.texts("h1") == [picture.heading]
    assert browser.complaints() == []


@pytest.mark.parametrize("name", BADGES)
def test_a_badge_looks_as_the_manual_shows_it(shown: RunningDaemon, place: Path, name: str) -> None:
    answer = shown.request("GET", BADGES[name])
    (place / f"{name}.svg").write_bytes(answer.body)

    assert answer.status == 200
    assert answer.body.startswith(b"<svg ")
