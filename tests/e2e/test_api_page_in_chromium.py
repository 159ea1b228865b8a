"""The page about the API in a real Chromium, with everything unfolded."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from tests.e2e.chromium import Browser
from tests.e2e.daemon import Daemon, RunningDaemon

pytestmark = pytest.mark.e2e

UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon under a path, with keys."""
    settings = {"web": {"external_url": "/dora"}, "api_keys": ["a-key"]}
    with Daemon(tmp_path_factory.mktemp("daemon"), settings=settings).running() as running:
        yield running


@pytest.mark.parametrize("width", [360, 820, 1160])
def test_it_fits_and_offends_no_policy_and_asks_no_other_host(
    shown: RunningDaemon, browser: Browser, width: int
) -> None:
    browser.resize(width=width)
    browser.driver.get(f"{shown.url}/dora/api")
    browser.driver.execute_script(UNFOLD)

    assert browser.complaints() == []
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask("document.scripts.length") == 0
    loaded = browser.ask("performance.getEntriesByType('resource').map(each => each.name)")
    assert loaded
    assert [name for name in loaded if not name.startswith(f"{shown.url}/dora/static/")] == []


def test_an_endpoint_leads_to_the_schema_of_its_answer(shown: RunningDaemon, browser: Browser) -> None:
    browser.driver.get(f"{shown.url}/dora/api")
    endpoint = browser.driver.find_element(By.ID, "get-api-v1-explain")
    endpoint.find_element(By.TAG_NAME, "summary").click()
    endpoint.find_element(By.LINK_TEXT, "ExplainAnswer").click()

    assert browser.texts(":target h3") == ["ExplainAnswer"]
    assert browser.complaints() == []
