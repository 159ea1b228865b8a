"""axe-core over the pages in a real Chromium, and pictures of them at the widths of a phone and a desk."""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.e2e.axe import findings
from tests.e2e.chromium import Browser
from tests.e2e.daemon import Daemon, RunningDaemon

from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import encode, header_line

pytestmark = pytest.mark.e2e

SERIES = urlencode({"service": "web-shop", "environment": "production"})
PAGES = {
    "first": "/",
    "series": f"/series?{SERIES}",
    "team": "/team?team=payments&environment=production",
    "explain-rate": f"/explain?{SERIES}&metric=dora_change_failure_rate",
    "explain-lead-time": f"/explain?{SERIES}&metric=dora_change_lead_time_seconds",
    "explain-restore": f"/explain?{SERIES}&metric=dora_time_to_restore_seconds",
    "sources": "/sources",
}
_UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon that holds 120 days of twelve services, and has a source that fails."""
    now_ms = system_clock()
    past, _ = split(organisation(1, now_ms), now_ms)
    nowhere = {"kind": "pagerduty", "token": "made-up", "base_url": "http://127.0.0.1:9"}
    daemon = Daemon(tmp_path_factory.mktemp("daemon"), settings={"sources": {"on-call": nowhere}})
    daemon.snapshot.write_bytes(header_line() + b"".join(encode(each.record) for each in past))
    with daemon.running() as running:
        running.process.wait_for_log('source is failing"? source=on-call')
        yield running


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder that ``PAGE_PICTURES`` names, else one of the test."""
    folder = Path(os.environ.get("PAGE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_serious_finding_of_axe_core_and_its_pictures_are_kept(
    shown: RunningDaemon, browser: Browser, pictures: Path, name: str
) -> None:
    browser.driver.get(shown.url + PAGES[name])
    for width, scheme in product((390, 1400), ("light", "dark")):
        browser.resize(width=width, scheme=scheme)
        browser.picture(pictures / f"{name}-{width}-{scheme}.png")

    browser.driver.execute_script(_UNFOLD)
    for width, scheme in product((390, 1400), ("light", "dark")):
        browser.resize(width=width, scheme=scheme)
        assert findings(browser) == []
