"""``GET /``: what this daemon is, where its endpoints are, and the four numbers of each series."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, metadata
from importlib.resources import files
from itertools import islice

from aiohttp import hdrs, web

from dora_exporter import __version__

LARGEST_TABLE = 1000
_ROWS_PER_SLICE = 50
_STYLE = files("dora_exporter.web").joinpath("static/page.css").read_bytes()
_NO_DATA = "\N{EN DASH}"
_LINKS = {
    "/metrics": "Metrics",
    "/-/healthy": "Healthy",
    "/-/ready": "Ready",
    "/openapi.json": "OpenAPI",
    "/readme": "README",
}
_COLUMNS = (
    "Deployments per day",
    "Change lead time (median)",
    "Change failure rate",
    "Time to restore (median)",
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _installed_readme() -> str:
    """The README that was installed with this version."""
    try:
        return str(metadata("dora-exporter").json.get("description", ""))
    except PackageNotFoundError:
        return "The README comes with an installed dora-exporter; this one runs from its sources.\n"


_README = _installed_readme()


@dataclass(frozen=True, slots=True)
class FourNumbers:
    """The four DORA metrics of a series in a window; None where there is no data."""

    deployments_per_day: float | None
    lead_time_seconds: float | None
    change_failure_ratio: float | None
    time_to_restore_seconds: float | None


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series and its numbers by window, the windows in the order of the configuration."""

    service: str
    environment: str
    windows: Mapping[str, FourNumbers]


def routes(*, rows: Callable[[], Awaitable[Iterable[SeriesRow]]]) -> list[web.RouteDef]:
    """The routes of the page and its style. No more rows than the page shows are taken from ``rows``, at once."""

    async def index(_: web.Request) -> web.Response:
        shown = list(islice(await rows(), LARGEST_TABLE + 1))
        page = await _render(shown)
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    async def readme(_: web.Request) -> web.Response:
        return web.Response(text=_README, headers=_HEADERS)

    async def style(_: web.Request) -> web.Response:
        return web.Response(body=_STYLE, content_type="text/css", headers={hdrs.CACHE_CONTROL: "max-age=3600"})

    return [web.get("/", index), web.get("/readme", readme), web.get("/static/page.css", style)]


async def _render(rows: list[SeriesRow]) -> str:
    """The page, made in slices so that a long table never keeps the event loop."""
    shown = rows[:LARGEST_TABLE]
    body: list[str] = []
    for start in range(0, len(shown), _ROWS_PER_SLICE):
        body.extend(_series(row) for row in shown[start : start + _ROWS_PER_SLICE])
        await asyncio.sleep(0)
    links = "".join(f'<li><a href="{escape(path)}">{escape(text)}</a></li>' for path, text in _LINKS.items())
    columns = "".join(f'<th scope="col" class="number">{escape(column)}</th>' for column in _COLUMNS)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dora-exporter</title>
<link rel="stylesheet" href="/static/page.css">
</head>
<body>
<header>
<h1>dora-exporter</h1>
<p>Version {escape(__version__)}. Turns deployment and incident events into the four DORA metrics for Prometheus.</p>
</header>
<nav aria-label="Endpoints"><ul>{links}</ul></nav>
<main class="scroll">
<table>
<caption>{escape(_caption(rows))}</caption>
<thead><tr><th scope="col">Service</th><th scope="col">Environment</th><th scope="col">Window</th>{columns}</tr></thead>
<tbody>
{"".join(body)}</tbody>
</table>
</main>
</body>
</html>
"""


def _caption(rows: list[SeriesRow]) -> str:
    if not rows:
        return "No events yet. Each service and environment appears here with its first event."
    if len(rows) > LARGEST_TABLE:
        return f"The first {LARGEST_TABLE} series; /metrics has all of them. A dash means: no data."
    return "All series. A dash means: no data."


def _series(row: SeriesRow) -> str:
    """The rows of a series, one for each window."""
    names = "".join(
        f'<td class="name" rowspan="{len(row.windows)}">{escape(name)}</td>' for name in (row.service, row.environment)
    )
    lines: list[str] = []
    for window, numbers in row.windows.items():
        cells = "".join(f'<td class="number">{text}</td>' for text in _texts(numbers))
        lines.append(f"<tr>{names}<td>{escape(window)}</td>{cells}</tr>\n")
        names = ""
    return "".join(lines)


def _texts(numbers: FourNumbers) -> tuple[str, str, str, str]:
    return (
        _text(numbers.deployments_per_day, "{:.2f}"),
        _duration(numbers.lead_time_seconds),
        _text(numbers.change_failure_ratio, "{:.1%}"),
        _duration(numbers.time_to_restore_seconds),
    )


def _text(value: float | None, form: str) -> str:
    return _NO_DATA if value is None else form.format(value)


def _duration(seconds: float | None) -> str:
    """A duration in the largest unit of which it has at least one."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds is not None and seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return _text(seconds, "{:.0f} s")
