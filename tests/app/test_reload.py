"""What a reload says, and what it leaves as it was."""

import asyncio
import logging
from collections.abc import Mapping

import pytest
from tests.builders import NOW_MS, ManualClock

from dora_exporter.app.reload import NEEDS_RESTART, Configuration
from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError, Mistake

MISTAKE = Mistake("config.yaml:1", "windows: is no list")

CHANGES: Mapping[str, Mapping[str, object]] = {
    "web.listen_addresses": {"web": {"listen_addresses": ["127.0.0.1:1"]}},
    "web.config_file": {"web": {"config_file": "web.yaml"}},
    "web.enable_lifecycle": {"web": {"enable_lifecycle": True}},
    "web.external_url": {"web": {"external_url": "https://dora.example"}},
    "web.route_prefix": {"web": {"route_prefix": "/dora"}},
    "snapshot": {"snapshot": {"path": "elsewhere"}},
    "store": {"store": {"url": "postgresql://localhost/dora"}},
    "git": {"git": {"threads": 3}},
    "repositories": {"repositories": {"shop": {"url": "https://git.example/shop"}}},
    "pull_requests": {"pull_requests": {"github": {"kind": "github", "token": "t"}}},
}


class Given:
    """Settings to be read next, or what is wrong with them, and those that were put into effect."""

    def __init__(self) -> None:
        self.next: Settings | Exception = Settings()
        self.used: list[Settings] = []
        self.clock = ManualClock()
        self.configuration = Configuration(Settings(), load=self.load, users=[self.use], clock=self.clock)

    def load(self) -> Settings:
        """Reads them."""
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    async def use(self, settings: Settings) -> None:
        """Puts them into effect."""
        self.used.append(settings)


@pytest.mark.parametrize("name", NEEDS_RESTART)
async def test_a_setting_that_is_read_at_the_start_only_is_named_where_it_changed(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="dora_exporter.app.reload")
    given = Given()
    given.next = Settings.model_validate(CHANGES[name])
    said = [f"changed setting takes effect after a restart setting={name}", "configuration reloaded"]
    assert await given.configuration.reload() is None
    assert caplog.messages == said
    assert given.used == [given.next]
    assert given.configuration.settings is given.next

    assert await given.configuration.reload() is None
    assert caplog.messages == [*said, "configuration reloaded"]


async def test_mistakes_are_told_and_the_settings_stay_until_there_are_none(caplog: pytest.LogCaptureFixture) -> None:
    given = Given()
    before = given.configuration.settings
    given.next = ConfigError([MISTAKE])
    given.clock.advance(1_000)
    told = await given.configuration.reload()
    assert "config.yaml:1: windows: is no list" in (told or "")
    assert caplog.messages == [f"configuration reload failed, the previous one stays in use mistakes={told!r}"]
    assert (given.used, given.configuration.settings) == ([], before)
    assert not given.configuration.is_last_reload_successful
    assert given.configuration.last_reload_success_ms == NOW_MS

    given.next = Settings()
    assert await given.configuration.reload() is None
    assert given.configuration.is_last_reload_successful
    assert given.configuration.last_reload_success_ms == NOW_MS + 1_000


async def test_a_defect_while_settings_are_put_into_effect_is_no_success() -> None:
    given = Given()
    before = given.configuration.settings
    given.next = RuntimeError("a defect")
    with pytest.raises(RuntimeError, match="a defect"):
        await given.configuration.reload()
    assert not given.configuration.is_last_reload_successful
    assert given.configuration.settings is before


async def test_of_two_reloads_at_once_the_second_waits_for_the_first() -> None:
    given = Given()
    may_end, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def use(_: Settings) -> None:
        begun.release()
        await may_end.wait()

    configuration = Configuration(Settings(), load=given.load, users=[use, given.use], clock=given.clock)
    reloads = [asyncio.create_task(configuration.reload()) for _ in range(2)]
    await begun.acquire()
    assert begun.locked()
    assert given.used == []
    may_end.set()
    await asyncio.gather(*reloads)
    assert len(given.used) == 2
