"""What holds for every page: hostile names stay text, nothing foreign is loaded, a keyboard and a reader get along."""

import asyncio
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from pytest_aiohttp import AiohttpClient
from tests.builders import NOW_MS, deployment, incident
from tests.web.site import Browser, Page, Site

from dora_exporter.dora.events import MINUTE_MS, Commit, Remediation, Verdict
from dora_exporter.dora.records import Record
from dora_exporter.series.engine import Engine
from dora_exporter.web import pages
from dora_exporter.web.pages import documentation

HOSTILE = (
    '<script>alert("1")</script>',
    "</title></caption></table><img src=x onerror=alert(1)>",
    "\" onmouseover=alert(1) x='",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "{{ 7 * 7 }}{% raw %}",
    "a/b?c=d&e=f#g",
    "../../etc/passwd",
    "\N{RIGHT-TO-LEFT OVERRIDE}desrever",
    "]]><!--",
    "x" * 200,
    "%s%00+ %2e",
)
PATHS = ("/", "/series", "/explain", "/sources", "/names", "/api")


def world(name: str) -> Iterable[Record]:
    """Events in which all that a sender decides is the same name."""
    yield deployment(
        id=name,
        service=name,
        environment=name,
        version=name,
        source=name,
        team=name,
        tags=(name,),
        commits=(Commit(name, NOW_MS - MINUTE_MS, subject=name),),
        verdict=Verdict(change_failure=True, remediation=Remediation("rollback", id=name)),
    )
    yield incident(
        id=name, services=(name,), environment=name, name=name, severity=name, version=name, source=name, team=name
    )
    yield deployment(id=f"later {name}", service=name, environment=name, finished_at=NOW_MS + MINUTE_MS)


def addresses(name: str) -> list[str]:
    series = urlencode({"service": name, "environment": name})
    searched = urlencode({"q": name, "environment": name, "sort": name, "window": name, "level": name})
    return [
        "/?tier=all",
        f"/?{searched}",
        f"/?q={urlencode({'': name})[1:]}",
        f"/series?{series}",
        f"/explain?{series}",
        f"/explain?{series}&metric=dora_incidents",
        f"/team?{urlencode({'team': name, 'environment': name})}",
        "/sources",
        "/api",
    ]


class Balance(HTMLParser):
    """Checks that every element is closed where it should be: no name broke out of its place."""

    VOID = ("meta", "link", "img", "input", "path", "br")

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def opened(aiohttp_client: AiohttpClient, name: str) -> list[Page]:
    browser = await Site([*world(name), deployment(version="v1")]).start(aiohttp_client)
    return [await browser.open(address) for address in addresses(name)]


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_are_text_and_never_markup(aiohttp_client: AiohttpClient, name: str) -> None:
    plain = await opened(aiohttp_client, "plain")
    hostile = await opened(aiohttp_client, name)

    for page, like in zip(hostile, plain, strict=True):
        assert page.status == like.status == 200
        assert {tag for tag, _ in page.tags} <= {tag for each in plain for tag, _ in each.tags}
        Balance(page.source)
        attributes = {attribute for _, given in page.tags for attribute in given}
        assert attributes <= {attribute for each in plain for _, given in each.tags for attribute in given}
    for page in (hostile[0], hostile[3], hostile[4]):
        assert " ".join(name.split()) in page.text


@pytest.mark.parametrize("name", HOSTILE)
async def test_links_carry_hostile_names_whole(aiohttp_client: AiohttpClient, name: str) -> None:
    browser = await Site(world(name)).start(aiohttp_client)
    index = await browser.open("/?tier=all")

    links = [each["href"] or "" for each in index.named("a")]
    series = await browser.open(next(link for link in links if link.startswith("series?")))
    why = await browser.open(next(link for link in series.links.values() if link.startswith("explain?")))

    assert (series.status, why.status) == (200, 200)
    for page in (index, series, why):
        for link in [each["href"] or "" for each in page.named("a")]:
            if not link.startswith(documentation.BASE):
                assert urlsplit(urljoin("http://dora.test/", link)).netloc == "dora.test"
                assert not urlsplit(link).scheme


async def every_page(browser: Browser) -> list[Page]:
    return [await browser.open(address) for address in [*addresses("checkout"), "/series"]]


async def test_the_browser_may_load_nothing_but_the_style_and_the_icon(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(world("checkout")).start(aiohttp_client)
    for page in await every_page(browser):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<style|<script|\bstyle=|\bon\w+=", page.source)
        loaded = [each.get("href") or each.get("src") for each in (*page.named("link"), *page.named("img"))]
        for address in loaded:
            assert address is not None
            assert not urlsplit(address).netloc
            assert (await browser.client.get(f"/{address}")).status == 200


async def test_a_keyboard_and_a_screen_reader_find_their_way(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(world("checkout")).start(aiohttp_client)
    for page in await every_page(browser):
        ids = [given["id"] for _, given in page.tags if "id" in given]
        assert len(ids) == len(set(ids))
        assert len(page.named("h1")) == len(page.named("main")) == 1
        assert next(given["href"] for given in page.named("a")) == "#content"
        assert page.named("main")[0]["id"] == "content"
        assert page.named("html")[0]["lang"] == "en"
        assert len(page.named("table")) == len(page.named("caption"))
        assert all(each.get("scope") for each in page.named("th"))
        assert all(each.get("aria-label") for each in page.named("svg"))
        fields = [*page.named("select"), *(each for each in page.named("input") if each.get("type") != "hidden")]
        assert {each["id"] for each in fields} == {each["for"] for each in page.named("label")}
        assert all(link["href"] != "" for link in page.named("a"))
        fragments = {(each["href"] or "")[1:] for each in page.named("a") if (each["href"] or "").startswith("#")}
        assert fragments <= {*ids}


async def test_a_name_that_is_no_unicode_is_answered(aiohttp_client: AiohttpClient) -> None:
    half = "half \ud800 a pair"
    browser = await Site([deployment(), *world(half)]).start(aiohttp_client)

    assert "half ? a pair" in (await browser.open("/?tier=all")).text
    for path in PATHS:
        answer = await browser.client.get(f"{path}?service=%ED%A0%80&q=%FF%ED%A0%80&environment=%00")
        assert answer.status in {200, 404}


async def test_every_page_is_described() -> None:
    site = Site()
    routes = pages.routes(
        engine=lambda: pytest.fail("not asked"),
        sources=site.sources,
        why_unknown=lambda _: None,
        edition=lambda: "2024",
        clock=site.clock,
        access=site.access,
        url="",
        lines=site.lines,
        operations=(),
    )

    assert {route.path for route in routes} == {operation.path for operation in pages.OPERATIONS}


async def test_static_files_may_be_kept_and_pages_are_asked_again(aiohttp_client: AiohttpClient) -> None:
    browser = await Site().start(aiohttp_client)
    style = await browser.client.get("/static/page.css")

    assert (style.content_type, style.headers["Cache-Control"]) == ("text/css", "max-age=3600")
    assert "prefers-color-scheme: dark" in await style.text()
    assert (await browser.open("/")).headers["Cache-Control"] == "no-cache"


async def test_pages_that_take_long_are_made_one_at_a_time_and_keep_no_other_waiting(
    aiohttp_client: AiohttpClient,
) -> None:
    site = Site([deployment(service="checkout")])
    await site.engine.load(NOW_MS)
    in_work: list[int] = [0]

    async def engine() -> Engine:
        in_work.append(in_work[-1] + 1)
        assert (await client.get("/sources")).status == 200  # all that was asked before is at work by now
        in_work.append(in_work[-1] - 1)
        return site.engine

    client = await aiohttp_client(site.pages(engine))
    paths = ["/", "/?q=checkout", "/series?service=checkout&environment=prod", "/explain?service=checkout"]
    answers = await asyncio.gather(*(client.get(path) for path in paths * 2))
    assert {answer.status for answer in answers} <= {200, 404}
    assert max(in_work) == 1
    assert in_work.count(1) == len(answers)


async def test_names_keep_no_other_page_waiting(aiohttp_client: AiohttpClient) -> None:
    site = Site([deployment(service="checkout")])
    await site.engine.load(NOW_MS)
    answers: list[int] = []

    async def engine() -> Engine:
        if not answers:  # names are at work, and the first page is asked for
            answers.append(0)
            answers.append((await client.get("/")).status)
        return site.engine

    client = await aiohttp_client(site.pages(engine))

    assert (await asyncio.wait_for(client.get("/names"), timeout=60)).status == 200
    assert answers == [0, 200]
