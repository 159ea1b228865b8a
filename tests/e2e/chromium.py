"""A real Chromium that a test looks at pages with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command
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

    def complaints(self) -> list[str]:
        """Errors, refused loads and broken policies since the last time."""
        return [entry["message"] for entry in self.driver.execute(Command.GET_LOG, {"type": "browser"})["value"]]

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
