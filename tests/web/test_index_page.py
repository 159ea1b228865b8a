import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from dora_exporter import __version__
from dora_exporter.web import index
from dora_exporter.web.index import LARGEST_TABLE, FourNumbers, SeriesRow

Client = TestClient[web.Request, web.Application]
SOME = FourNumbers(1.5, 7200.0, 0.125, 90.0)
NONE = FourNumbers(0.0, None, None, None)


async def client_of(aiohttp_client: AiohttpClient, *rows: SeriesRow) -> Client:
    app = web.Application()

    async def given() -> tuple[SeriesRow, ...]:
        return rows

    app.add_routes(index.routes(rows=given))
    return await aiohttp_client(app)


class Cells(HTMLParser):
    """The rows of a table's body as the texts of their cells, and the links of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._in_cell = tag == "td"
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


async def page_of(aiohttp_client: AiohttpClient, *rows: SeriesRow) -> Cells:
    client = await client_of(aiohttp_client, *rows)
    return Cells(await (await client.get("/")).text())


async def test_the_page_names_the_version_and_links_to_every_endpoint(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client)
    answer = await client.get("/")
    page = await answer.text()

    assert answer.content_type == "text/html"
    assert f"Version {__version__}" in page
    assert Cells(page).links == ["/metrics", "/-/healthy", "/-/ready", "/openapi.json", "/readme"]


async def test_a_series_has_a_row_for_each_window(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, SeriesRow("checkout", "prod", {"7d": NONE, "30d": SOME}))
    text = await (await client.get("/")).text()
    page = Cells(text)

    assert "All series" in text
    assert page.rows[1:] == [
        ["checkout", "prod", "7d", "0.00", *["\N{EN DASH}"] * 3],
        ["30d", "1.50", "2.0 h", "12.5%", "1.5 min"],
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (59.0, "59 s"), (60.0, "1.0 min"), (3600.0, "1.0 h"), (86_400.0, "1.0 d"), (1e7, "115.7 d")],
)
async def test_durations_are_in_a_unit_that_reads_well(
    aiohttp_client: AiohttpClient, seconds: float, text: str
) -> None:
    row = SeriesRow("checkout", "prod", {"7d": FourNumbers(0, seconds, 0, seconds)})

    page = await page_of(aiohttp_client, row)

    assert page.rows[1][4::2] == [text, text]


async def test_names_are_text_and_never_markup(aiohttp_client: AiohttpClient) -> None:
    evil = '<script>alert("1")</script>&amp;'

    page = await page_of(aiohttp_client, SeriesRow(evil, evil, {evil: SOME}))

    assert page.rows[1][:3] == [evil, evil, evil]
    assert "script" not in page.tags


async def test_the_browser_may_load_nothing_but_the_style(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, SeriesRow("checkout", "prod", {"7d": SOME}))
    answer = await client.get("/")
    policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|<script|\bstyle=|\bon\w+=", await answer.text())
    style = await client.get("/static/page.css")
    assert (style.status, style.content_type) == (200, "text/css")
    assert "prefers-color-scheme: dark" in await style.text()


async def test_a_long_table_is_cut_and_says_so(aiohttp_client: AiohttpClient) -> None:
    taken = 0

    def endless() -> Iterator[SeriesRow]:
        nonlocal taken
        while True:
            taken += 1
            yield SeriesRow(f"service-{taken}", "prod", {"7d": SOME})

    async def given() -> Iterator[SeriesRow]:
        return endless()

    app = web.Application()
    app.add_routes(index.routes(rows=given))
    client = await aiohttp_client(app)
    text = await (await client.get("/")).text()

    assert len(Cells(text).rows) == 1 + LARGEST_TABLE
    assert f"The first {LARGEST_TABLE} series" in text
    assert taken == LARGEST_TABLE + 1


async def test_an_empty_daemon_says_what_to_expect(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client)

    assert "No events yet" in await (await client.get("/")).text()


async def test_the_readme_is_plain_text(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client)
    answer = await client.get("/readme")

    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert "dora-exporter" in await answer.text()
