"""Takes the pictures of the docs: ``python -m tests.docs.picture`` looks at the demo with a Chromium."""

import sys
import tempfile
from pathlib import Path

from tests.docs import manual
from tests.e2e.chromium import browsing
from tests.e2e.process import Process

FOLDER = manual.ROOT / "docs" / "images"
SEED = "7"
PICTURES = {
    "demo": ("/", 1400, 900, "light"),
    "first-page-dark": ("/", 1400, 900, "dark"),
    "series": ("/series?service=web-shop&environment=production", 1400, 900, "light"),
    "first-page-phone": ("/", 390, 844, "light"),
}
"""The path, the size and the colours of each picture."""


def main() -> None:
    """Writes the files."""
    demo = Process([sys.executable, "-m", "dora_exporter", "demo", "--seed", SEED, "--web.listen-address=127.0.0.1:0"])
    with demo, tempfile.TemporaryDirectory() as folder:
        port = demo.wait_for_log(r"msg=listening address=127\.0\.0\.1:(\d+)")[1]
        demo.wait_for_log(r'msg="?ready"?|\bready\b')
        with browsing(Path(folder)) as browser:
            for name, (path, width, height, scheme) in PICTURES.items():
                browser.resize(width=width, height=height, scheme=scheme)
                browser.driver.get(f"http://127.0.0.1:{port}{path}")
                browser.driver.save_screenshot(str(FOLDER / f"{name}.png"))
        demo.stop()


if __name__ == "__main__":
    main()
