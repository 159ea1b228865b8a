"""The lines of the first page, which are kept for a minute."""

import re
from collections.abc import Mapping, Sequence

from pytest_aiohttp import AiohttpClient
from tests.builders import MINUTE_MS, NOW_MS, deployment
from tests.web.site import Page, Site

from dora_exporter.dora.events import DAY_MS, Deployment
from dora_exporter.dora.records import Record
from dora_exporter.series.overview import SeriesQuery, selected
from dora_exporter.series.summary import lines
from dora_exporter.web.pages.kept_lines import Lines, usual_question

SECOND_MS = 1000


class Reader:
    """Asks for lines as the page does."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.site = Site(records)

    async def start(self) -> "Reader":
        await self.site.engine.load(NOW_MS)
        return self

    async def later(self, milliseconds: int, *records: Record) -> None:
        self.site.clock.now_ms += milliseconds
        self.site.store.apply_all(records)
        await self.site.current()

    async def question(self) -> SeriesQuery:
        return usual_question(await self.site.current(), "2024")

    async def lines(self) -> Lines:
        question = await self.question()
        found = await selected(self.site.engine, question)
        return await self.site.lines.lines(self.site.engine, question, found.series)

    async def computed(self) -> Mapping[str, Sequence[float | None]]:
        question = await self.question()
        found = await selected(self.site.engine, question)
        return await lines(found.series, question.window.end_ms, "2024")


def deployed(number: int) -> Deployment:
    return deployment(id=f"d{number}", environment="production", finished_at=NOW_MS - number * DAY_MS)


def until(page: Page) -> str:
    found = re.search(r"The lines show the 90 days until (\S+ \S+) \.", page.text)
    assert found
    return found[1]


async def test_lines_computed_ahead_are_shown_for_a_minute_as_of_their_moment() -> None:
    reader = await Reader([deployed(1), deployed(9)]).start()
    ahead = await reader.computed()
    await reader.site.lines.refresh()

    await reader.later(MINUTE_MS, deployed(2))
    kept = await reader.lines()

    assert (kept.end_ms, kept.points) == (NOW_MS, ahead)
    assert await reader.computed() != ahead


async def test_lines_that_nobody_computed_lately_are_those_of_now() -> None:
    reader = await Reader([deployed(1)]).start()
    await reader.site.lines.refresh()

    await reader.later(90 * SECOND_MS, deployed(2))
    kept = await reader.lines()

    assert (kept.end_ms, kept.points) == (NOW_MS + 90 * SECOND_MS, await reader.computed())


async def test_computed_again_every_minute_they_are_never_older() -> None:
    reader = await Reader([deployed(1)]).start()
    for number in range(2, 5):
        await reader.site.lines.refresh()
        refreshed = await reader.computed()
        await reader.later(66 * SECOND_MS, deployed(number))

        kept = await reader.lines()

        assert (reader.site.clock.now_ms - kept.end_ms, kept.points) == (66 * SECOND_MS, refreshed)


async def test_after_the_clock_was_set_back_lines_are_those_of_now() -> None:
    reader = await Reader([deployed(1)]).start()
    await reader.site.lines.refresh()

    await reader.later(-DAY_MS)

    assert (await reader.lines()).end_ms == NOW_MS - DAY_MS


async def test_the_page_says_until_when_its_lines_are(aiohttp_client: AiohttpClient) -> None:
    site = Site([deployed(1), deployment(id="s", environment="staging", finished_at=NOW_MS - DAY_MS)])
    browser = await site.start(aiohttp_client)
    await site.lines.refresh()

    site.clock.now_ms += 40 * SECOND_MS

    assert until(await browser.open("/")) == "2025-06-15 15:06:40"
    assert until(await browser.open("/?tier=all")) == "2025-06-15 15:07:20"
    assert until(await browser.open("/?sort=service&window=7d")) == "2025-06-15 15:06:40"
