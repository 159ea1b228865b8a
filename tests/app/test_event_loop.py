import asyncio
import sys
from contextlib import closing

import pytest
import uvloop

from dora_exporter.app.event_loop import new_event_loop


async def test_the_tests_run_on_the_daemons_loop() -> None:
    assert type(asyncio.get_running_loop()) is uvloop.Loop


def test_without_uvloop_pythons_own_loop_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with closing(new_event_loop()) as loop:
        assert type(loop).__module__.startswith("asyncio")
