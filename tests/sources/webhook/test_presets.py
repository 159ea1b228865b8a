"""Every preset on its vendor's documented bodies, through the endpoint and with the vendor's own signature."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sources.webhook.preset_fixtures import Fixture, all_fixtures, lives
from tests.sources.webhook.proofs import proof, secret_for
from tests.sources.webhook.webhook_daemon import NAME, WebhookDaemon, a_daemon

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.runtime.timestamps import iso
from dora_exporter.sources.webhook import presets

FOLDER = Path(presets.__file__).parent
TIMES = ("started_at", "finished_at")


def of_preset(name: str, **settings: object) -> AbstractAsyncContextManager[WebhookDaemon]:
    """A daemon with the preset and its vendor's scheme, and what stands in for fields that a sender does not have."""
    defaults = {"service": "elsewhere", "environment": "production"}
    secrets = [secret_for(presets.load(name).verify)]
    return a_daemon(preset=name, webhook_secrets=secrets, **{**defaults, **settings})


async def deliver(daemon: WebhookDaemon, fixture: Fixture) -> int:
    """Sends a body as its vendor does; gives the status."""
    given = proof(presets.load(fixture.preset).verify, fixture.body, now_ms=daemon.clock.now_ms)
    return await daemon.push(fixture.body, {**fixture.headers, **given.headers}, given.query)


def held(daemon: WebhookDaemon, fields: Sequence[str]) -> list[dict[str, Any]]:
    """What counts, as far as a fixture asks for it."""
    events: list[Deployment | Incident] = [*daemon.counting, *daemon.deployments]
    return [{name: _shown(each, name) for name in fields} for each in events]


def _shown(event: Deployment | Incident, name: str) -> object:
    value = getattr(event, name)
    if name in TIMES and value is not None:
        return iso(value)
    return value.removeprefix(f"{NAME}:") if name == "id" else list(value) if isinstance(value, tuple) else value


def check(daemon: WebhookDaemon, fixture: Fixture) -> None:
    fields = list(fixture.becomes[0]) if fixture.becomes else ["id"]
    assert held(daemon, fields) == fixture.becomes, (str(fixture), daemon.told)


def orders(life: Sequence[Fixture]) -> Iterator[Sequence[Fixture]]:
    """Forwards, backwards, and from the middle on."""
    yield life
    yield life[::-1]
    for start in range(1, len(life)):
        yield [*life[start:], *life[:start]]


@pytest.mark.parametrize("fixture", [each for each in all_fixtures() if not each.is_of_a_life], ids=str)
async def test_a_documented_body_becomes_what_it_says(fixture: Fixture) -> None:
    async with of_preset(fixture.preset) as daemon:
        assert await deliver(daemon, fixture) == 200
        check(daemon, fixture)
        assert daemon.told


@pytest.mark.parametrize("name", presets.NAMES)
async def test_a_life_ends_alike_in_any_order_and_told_three_times(name: str) -> None:
    life = lives()[name]
    for reached in range(1, len(life) + 1):
        for order in orders(life[:reached]):
            async with of_preset(name) as daemon:
                for fixture in order:
                    for _ in range(3):
                        assert await deliver(daemon, fixture) == 200
                check(daemon, life[reached - 1])


@pytest.mark.parametrize("name", presets.NAMES)
async def test_a_life_goes_on_after_restarts(name: str) -> None:
    life = lives()[name]
    async with of_preset(name) as daemon:
        for fixture in life:
            await deliver(daemon, fixture)
            await daemon.start()
            check(daemon, fixture)


@pytest.mark.parametrize("name", presets.NAMES)
async def test_a_flipped_bit_or_another_secret_is_refused(name: str) -> None:
    (first, *_) = lives()[name]
    verify = presets.load(name).verify
    async with of_preset(name) as daemon:
        given = proof(verify, first.body, now_ms=daemon.clock.now_ms)
        wrong = {key: value[:-2] + ("aa" if value[-2:] != "aa" else "bb") for key, value in given.headers.items()}
        query = given.query and f"{given.query}x"
        assert await daemon.push(first.body, {**first.headers, **wrong}, query) in {401, 403}
        assert held(daemon, ["id"]) == []


def test_the_table_has_every_file_and_every_file_a_life() -> None:
    assert sorted(presets.NAMES) == list(presets.NAMES) == sorted(each.stem for each in FOLDER.glob("*.yaml"))
    assert sorted(lives()) == list(presets.NAMES)


@pytest.mark.parametrize("name", presets.NAMES)
def test_a_preset_is_short_and_names_its_documents_with_a_date_or_version(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    assert len(text.splitlines()) <= 40
    assert all(each.startswith("https://") and each.endswith(")") for each in yaml.safe_load(text)["made_from"])
    assert "only:" not in text, "only is for the configuration: what it says would replace the preset's"
