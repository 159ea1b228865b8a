"""What a newcomer sees in a real Chromium, and the command that the page gives them, in a real shell."""

import subprocess
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from tests.e2e.chromium import Browser
from tests.e2e.daemon import Daemon, RunningDaemon

pytestmark = pytest.mark.e2e

KEY = "a-key-of-my-own"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon without events, with keys, under a path."""
    settings = {"web": {"external_url": "/dora"}, "api_keys": [KEY]}
    with Daemon(tmp_path_factory.mktemp("daemon"), settings=settings).running() as running:
        yield running


@pytest.mark.parametrize("width", [360, 1160])
def test_the_first_page_fits_and_offends_no_policy(empty: RunningDaemon, browser: Browser, width: int) -> None:
    browser.resize(width=width)
    browser.driver.get(f"{empty.url}/dora/")

    assert browser.texts("h2") == ["Getting started"]
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []


def test_the_command_that_the_page_shows_makes_the_first_series(empty: RunningDaemon, browser: Browser) -> None:
    browser.driver.get(f"{empty.url}/dora/")
    (command,) = browser.texts("pre")
    sent = subprocess.run(
        ["sh", "-c", command.replace("YOUR_API_KEY", KEY)], capture_output=True, encoding="utf-8", check=True
    )
    assert '"type":"dora_deployment"' in sent.stdout

    browser.follow(browser.driver.find_element(By.LINK_TEXT, "Reload this page").click)
    assert browser.texts("tbody th") == ["checkout"]
    assert browser.texts("pre") == []
    assert browser.complaints() == []
