"""Takes the picture of the README: ``python -m tests.docs.picture`` looks at the demo with a Chromium."""

import sys
import tempfile
from pathlib import Path

from tests.docs import manual
from tests.e2e.chromium import browsing
from tests.e2e.process import Process

PATH = manual.ROOT / "docs" / "images" / "demo.png"
SEED = "7"
WIDTH, HEIGHT = 1440, 860


def main() -> None:
    """Writes the file."""
    demo = Process([sys.executable, "-m", "dora_exporter", "demo", "--seed", SEED, "--web.listen-address=127.0.0.1:0"])
    with demo, tempfile.TemporaryDirectory() as folder:
        port = demo.wait_for_log(r"msg=listening address=127\.0\.0\.1:(\d+)")[1]
        demo.wait_for_log(r'msg="?ready"?|\bready\b')
        with browsing(Path(folder)) as browser:
            browser.resize(width=WIDTH, height=HEIGHT)
            browser.driver.get(f"http://127.0.0.1:{port}/?environment=production")
            browser.driver.save_screenshot(str(PATH))
        demo.stop()


if __name__ == "__main__":
    main()
