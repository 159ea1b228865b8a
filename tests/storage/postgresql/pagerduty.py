"""A PagerDuty account in a thread of its own, for daemons in processes of theirs."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.builders import ManualClock
from tests.sources.fake_pagerduty import FakePagerDuty

from dora_exporter.runtime.clock import system_clock

Result = TypeVar("Result")
_SECONDS = 30.0


class _RealClock(ManualClock):
    """Goes by itself."""

    def __call__(self) -> int:
        return system_clock()


@dataclass
class Account:
    """An account that daemons poll."""

    fake: FakePagerDuty
    url: str
    loop: asyncio.AbstractEventLoop

    @property
    def settings(self) -> dict[str, object]:
        """What a daemon needs to follow it."""
        source = {"kind": "pagerduty", "base_url": self.url, "token": self.fake.token, "interval": "500ms"}
        return {"sources": {"pagerduty": {**source, "environment": "production"}}}

    def do(self, what: Callable[[FakePagerDuty], Result]) -> Result:
        """Lets something happen in the account, between two requests."""

        async def run() -> Result:
            return what(self.fake)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(_SECONDS)

    def trigger(self) -> str:
        """An incident begins; gives its id."""
        return self.do(lambda fake: fake.trigger())

    def requests(self) -> int:
        """How many it got."""
        return self.do(lambda fake: len(fake.requests))

    def hold_next_page(self) -> "HeldPage":
        """The last list of the next pass is answered when the test wants it, with what was true when it was asked."""
        page = HeldPage(self)
        self.do(page.put_in)
        return page


class HeldPage:
    """A page that a daemon waits for."""

    def __init__(self, account: Account) -> None:
        """Nobody has asked for it."""
        self._account = account
        self._asked = threading.Event()
        self._let_go = asyncio.Event()

    def put_in(self, fake: FakePagerDuty) -> None:
        """Waits to be asked for."""
        fake.slow_page = self._answer

    def wait_until_asked(self) -> None:
        """Returns once a pass is under way that cannot end."""
        assert self._asked.wait(_SECONDS)

    def let_go(self) -> None:
        """Answers, should the daemon still be there."""
        self._account.loop.call_soon_threadsafe(self._let_go.set)

    async def _answer(self, request: web.Request) -> web.Response:
        fake = self._account.fake
        rows = filter(fake.wanted(request), fake.rows.values())
        answer = fake.paged(request, "incidents", [fake.shown(row, is_whole=False) for row in rows])
        self._asked.set()
        await self._let_go.wait()
        return answer


@contextmanager
def an_account() -> Iterator[Account]:
    """Serves a new one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    fake = FakePagerDuty(_RealClock())
    server = TestServer(fake.application())
    asyncio.run_coroutine_threadsafe(server.start_server(), loop).result(_SECONDS)
    try:
        yield Account(fake, str(server.make_url("")), loop)
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
