"""Renders pages: a template that escapes all text, and the security headers."""

import asyncio
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlencode

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from dora_exporter import __version__
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.runtime.timestamps import iso
from dora_exporter.web.pages import formatting
from dora_exporter.web.pages.api_reference import prose
from dora_exporter.web.pages.commit_links import commit_link, compare_link
from dora_exporter.web.pages.documentation import documentation
from dora_exporter.web.pages.levels import level
from dora_exporter.web.pages.sparkline import bars
from dora_exporter.web.pages.time_line import chart_of
from dora_exporter.web.pages.trend import line

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    hdrs.CACHE_CONTROL: "no-cache",
}


def url(path: str, *given: Mapping[str, object], **changes: object) -> str:
    """A relative link, which also holds behind a proxy that adds a prefix; parameters without a value are left out."""
    parameters: dict[str, object] = {}
    for each in (*given, changes):
        parameters.update(each)
    stated = {name: value for name, value in parameters.items() if value not in {None, ""}}
    return f"{path}?{urlencode(stated, errors='replace')}" if stated else path


_FILTERS: dict[str, object] = {
    "ago": formatting.ago,
    "amount": formatting.amount,
    "bars": bars,
    "duration": formatting.duration,
    "figure": formatting.figure,
    "iso": iso,
    "line": line,
    "change": formatting.change,
    "chart_of": chart_of,
    "commit_link": commit_link,
    "compare_link": compare_link,
    "is_worse": formatting.is_worse,
    "level": level,
    "metric_title": formatting.metric_title,
    "moment": formatting.moment,
    "moment_to_the_second": formatting.moment_to_the_second,
    "prose": prose,
}

_GLOBALS: dict[str, object] = {
    "url": url,
    "documentation": documentation,
    "version": __version__,
    "causes": formatting.CAUSES,
    "figure_names": formatting.FIGURE_NAMES,
    "figure_metrics": formatting.FIGURE_METRICS,
    "no_data": formatting.NO_DATA,
}


@cache
def _templates() -> Environment:
    """The templates, all read and compiled; asked for in a thread, because that takes a disk and its time."""
    environment = Environment(
        loader=PackageLoader("dora_exporter.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(_FILTERS)
    environment.globals.update(_GLOBALS)
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


async def page(template: str, *, status: int = 200, **values: object) -> web.Response:
    """A page made from a template; a long one does not keep the event loop."""
    templates = await asyncio.to_thread(_templates)
    pieces = [piece async for piece in in_turns(templates.get_template(template).generate(**values))]
    body = "".join(pieces).encode(errors="replace")
    return web.Response(body=body, status=status, content_type="text/html", charset="utf-8", headers=HEADERS)


async def refusal(status: int, reason: str) -> web.Response:
    """The page that explains a refusal."""
    return await page("refusal.html", status=status, reason=reason)
