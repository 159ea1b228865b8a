"""The pages of a daemon with given events and sources, as a browser without scripts or style reads them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from html.parser import HTMLParser

from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from tests.builders import NOW_MS, ManualClock
from tests.web.running import MemoryLog

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.failures.contract import Rule
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.sources.polling import RunningSources
from dora_exporter.web import pages
from dora_exporter.web.application import EVENT_OPERATIONS
from dora_exporter.web.openapi import management_operations
from dora_exporter.web.pages.kept_lines import KeptLines
from dora_exporter.web.security.api_keys import Access

WINDOWS = (("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS), ("90d", 90 * DAY_MS))


class Site:
    """What the pages show, and what they are asked through."""

    def __init__(
        self,
        records: Iterable[Record] = (),
        *,
        series_limit: int = 10_000,
        rules: Sequence[Rule] = (Rollback(),),
        api_keys: Sequence[str] = (),
        url: str = "",
        catalogue: Catalogue = NO_CATALOGUE,
        groups: Groups | None = None,
        edition: str = "2024",
    ) -> None:
        self.access, self.url, self.edition = Access(api_keys=api_keys), url, edition
        self.clock = ManualClock()
        self.store = EventStore()
        for record in records:
            self.store.apply(record)
        definitions = Definitions(
            windows=WINDOWS,
            retention_ms=400 * DAY_MS,
            series_limit=series_limit,
            rules=rules,
            catalogue=catalogue,
            groups=groups or Groups(),
        )
        self.engine = Engine(self.store, definitions)
        self.lines = KeptLines(engine=self.current, edition=lambda: self.edition)
        self.sources = RunningSources(
            store=self.store,
            log=MemoryLog(self.store.apply_all),
            clock=self.clock,
            schedule=Schedule(clock=self.clock),
        )

    async def start(self, aiohttp_client: AiohttpClient) -> "Browser":
        await self.engine.load(NOW_MS)
        return Browser(await aiohttp_client(self.pages(self.current)))

    def pages(self, engine: Callable[[], Awaitable[Engine]]) -> web.Application:
        """The pages of the engine that a function gets ready."""
        app = web.Application()
        app.add_routes(
            pages.routes(
                engine=engine,
                sources=self.sources,
                why_unknown=lambda _: None,
                edition=lambda: self.edition,
                clock=self.clock,
                access=self.access,
                url=self.url,
                lines=self.lines,
                operations=(*EVENT_OPERATIONS, *management_operations.OPERATIONS, *pages.OPERATIONS),
            )
        )
        return app

    async def current(self) -> Engine:
        while not self.engine.update(self.clock()):
            pass
        return self.engine


class Page(HTMLParser):
    """An answer: its text, and the tables, links and tags that are in it."""

    def __init__(self, status: int, headers: Mapping[str, str], source: str) -> None:
        super().__init__()
        self.status, self.headers, self.source = status, headers, source
        self.words: list[str] = []
        self.links: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._within: list[str] = []
        self.feed(source)

    @property
    def text(self) -> str:
        """All that can be read, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def row(self, first: str) -> list[str]:
        """The texts of the row whose first cell begins so."""
        return next(row for row in self.rows if row[0].split()[:1] == [first] or row[0] == first)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if {"td", "th"} & set(self._within) and data.strip():
            self.rows[-1][-1] = " ".join([*self.rows[-1][-1].split(), *data.split()])
        if "a" in self._within and data.strip():
            link = next(attributes for name, attributes in reversed(self.tags) if name == "a")
            self.links.setdefault(data.strip(), link.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass


class Browser:
    """Follows links of the pages."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def open(self, path: str, **headers: str) -> Page:
        address = f"/{path.removeprefix('/').removeprefix('./').removeprefix('.')}"
        answer = await self.client.get(address, headers=headers)
        return Page(answer.status, answer.headers, await answer.text())
