"""The dashboards as Grafana's own components show them: its React panels in a page, on what Prometheus answers."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from selenium.webdriver.support.ui import WebDriverWait
from tests.e2e.chromium import Browser
from tests.e2e.programs import missing, program
from tests.e2e.prometheus import Prometheus
from tests.grafana.dashboards import interpolated, load, panels

Json = dict[str, Any]
Rows = Mapping[str, Sequence[Json]]
RENDERING = Path(__file__).with_name("rendering")
WIDTH = 1440
_LOADERS = [f"--loader:.{kind}=dataurl" for kind in ("svg", "ttf", "woff2")]
_DRAWN_SECONDS = 30.0
_PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css"><body>
<script src="page.js"></script><script>show({shown})</script></body>"""
_PANELS = "[...document.querySelectorAll('[data-panel]')]"
_TEXTS = f"Object.fromEntries({_PANELS}.map(each => [each.dataset.panel, each.innerText]))"
_DRAWN = f"{_PANELS}.length"
_CUT = """[...document.querySelectorAll('[role=columnheader], [role=gridcell], [role=cell]')].filter(each => {
    const text = document.createRange(), box = each.getBoundingClientRect();
    text.selectNodeContents(each);
    const said = text.getBoundingClientRect();
    return said.left < box.left - 1 || said.right > box.right + 1;
  }).map(each => each.innerText)"""
_UNDRAWN = f"{_PANELS}.filter(each => !each.innerText.trim()).length"


@dataclass(frozen=True)
class Span:
    """The time that is shown, how far apart its points are, and what is now; all in seconds."""

    first: int
    last: int
    step: int
    now: int


@dataclass(frozen=True)
class Seen:
    """What a panel looks like."""

    panel: Json
    answers: Sequence[Json]
    text: str

    @property
    def is_empty(self) -> bool:
        """Whether some query found nothing, or the panel says that it has nothing to show."""
        nothing = self.panel["fieldConfig"]["defaults"].get("noValue", "No data")
        if self.panel["type"] == "text":
            return not self.text
        return not any(answer["result"] for answer in self.answers) or (len(nothing) > 1 and nothing in self.text)


def bundle(folder: Path) -> None:
    """Puts Grafana's components and the page that shows panels with them into one file."""
    esbuild = RENDERING / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        missing(f"@grafana/ui (npm ci --prefix {RENDERING})")
    how = ["--bundle", "--minify", '--define:process.env.NODE_ENV="production"', "--log-level=error", *_LOADERS]
    command: list[str | Path] = [
        program("node"),
        esbuild,
        RENDERING / "page.jsx",
        *how,
        f"--outfile={folder / 'page.js'}",
    ]
    subprocess.run(command, check=True, timeout=60)
    (folder / "public").mkdir()
    (folder / "public" / "build").symlink_to(RENDERING / "node_modules" / "@grafana" / "ui" / "dist" / "public")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves what a folder holds; gives its URL."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as its base calls it
        """Requests are no news."""


@dataclass(frozen=True)
class Renderer:
    """Where dashboards are shown: a browser, and a folder that is served."""

    browser: Browser
    folder: Path
    url: str


def render(file: Path, server: Prometheus, span: Span, on: Renderer, rows: Rows) -> list[Seen]:
    """Shows a dashboard, which then stays in the browser; ``rows`` are what a database gives for the SQL of panels."""
    dashboard, browser = load(file), on.browser
    shown = [_with_answers(panel, file, server=server, span=span, rows=rows) for panel in dashboard["panels"]]
    page = on.folder / f"{file.stem}.html"
    page.write_text(_PAGE.format(shown=json.dumps(shown).replace("</", "<\\/")), encoding="utf-8")
    browser.resize(width=WIDTH, height=_bottom(dashboard))
    browser.driver.get(f"{on.url}/{page.name}")
    number = len(list(panels(dashboard)))
    is_drawn = f"{_DRAWN} === {number} && {_UNDRAWN} === 0 && document.fonts.status === 'loaded'"
    WebDriverWait(browser.driver, _DRAWN_SECONDS, poll_frequency=0.1).until(lambda _: browser.ask(is_drawn))
    texts = browser.ask(_TEXTS)
    return [
        Seen(each["panel"], each["answers"], texts[str(each["panel"]["id"])])
        for each in shown
        if each["panel"]["type"] != "row"
    ]


def cut_texts(on: Renderer) -> list[str]:
    """The headings and the values in tables whose columns are too narrow for them, at either side."""
    cut: list[str] = on.browser.ask(_CUT)
    return cut


def _bottom(dashboard: Json) -> int:
    rows: int = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in dashboard["panels"])
    return rows * 38 + 16


def _with_answers(panel: Json, file: Path, *, server: Prometheus, span: Span, rows: Rows) -> Json:
    targets = panel.get("targets", ())
    drawn = {name: value for name, value in panel.items() if name not in {"targets", "datasource"}}
    chosen: Json = json.loads(interpolated(json.dumps(drawn), file))
    answers = [
        {
            "target": target,
            "result": rows.get(target["rawSql"], ())
            if "rawSql" in target
            else _asked(server, target, interpolated(target["expr"], file), span),
        }
        for target in targets
    ]
    return {"panel": chosen, "answers": answers, "from": span.first * 1000, "to": span.last * 1000}


def _asked(server: Prometheus, target: Json, expression: str, span: Span) -> Json:
    if target.get("instant"):
        answer = server.get("/api/v1/query", query=expression, time=str(span.now))
    else:
        bounds = {"start": str(span.first), "end": str(span.last), "step": str(span.step)}
        answer = server.get("/api/v1/query_range", query=expression, **bounds)
    result: Json = answer["data"]["result"]
    return result
