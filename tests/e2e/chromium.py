"""A real Chromium that a test looks at pages with."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command
from selenium.webdriver.support.ui import WebDriverWait
from tests.e2e.programs import program

Found = Any
"""What a page can answer."""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_NAVIGATION_SECONDS = 20.0
_TEXTS = "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText)"
_MARK = "window.isTheOldPage = true"
_IS_ANOTHER_PAGE = "!window.isTheOldPage && document.readyState === 'complete'"


class Browser:
    """A window, and what the browser complained about in it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def resize(self, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """Takes the size of a screen, and the colours that its owner likes."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self._tell("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._tell("Emulation.setEmulatedMedia", {"features": features})

    def ask(self, expression: str) -> Found:
        """The value of an expression in the page."""
        return self.driver.execute_script(f"return {expression}")

    def texts(self, selector: str) -> list[str]:
        """What the elements say that a selector finds, all read at one moment."""
        found: list[str] = self.driver.execute_script(_TEXTS, selector)
        return found

    def follow(self, act: Callable[[], object]) -> None:
        """Does what leads to another page, and waits until that one is there whole.

        Neither a key nor a click waits for the page that it leads to: what is found before is of the old one.
        """
        self.driver.execute_script(_MARK)
        act()
        WebDriverWait(self.driver, _NAVIGATION_SECONDS, poll_frequency=0.02).until(lambda _: self.ask(_IS_ANOTHER_PAGE))

    def complaints(self) -> list[str]:
        """Errors, refused loads and broken policies since the last time."""
        return [entry["message"] for entry in self.driver.execute(Command.GET_LOG, {"type": "browser"})["value"]]

    def picture(self, path: Path) -> None:
        """Writes the whole page as a PNG, also what a reader must scroll to."""
        asked = {"format": "png", "captureBeyondViewport": True}
        path.write_bytes(b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]))

    def _tell(self, command: str, parameters: Mapping[str, object]) -> None:
        self.driver.execute_cdp_cmd(command, dict(parameters))


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Starts a browser with an empty profile, and ends it."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
