"""No body, however broken, is an error of ours: rules and presets read what is left of real bodies."""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from tests.builders import NOW_MS, ManualClock
from tests.sources.deliveries import delivery_head
from tests.sources.store_sink import StoreSink
from tests.sources.webhook.webhook_daemon import DEPLOYMENTS, INCIDENTS, NAME

from dora_exporter.sources.contract import SourceContext, Unreadable
from dora_exporter.sources.http.client import Transport
from dora_exporter.sources.webhook.presets import NAMES
from dora_exporter.sources.webhook.settings import WebhookSettings
from dora_exporter.sources.webhook.source import JsonWebhook

BODIES = Path(__file__).with_name("presets")
OWN: dict[str, Any] = {
    "incidents": [
        {**INCIDENTS, "each": "alerts", "name": '_headers."x-name"', "team": "team", "repository": "repository"},
    ],
    "deployments": [
        {
            **DEPLOYMENTS,
            "match": "_query.env == 'x'",
            "each": "not_null(alerts, [@])",
            "services": {"path": "join(',', services)", "extract": "([a-z]+)", "default": "shop"},
            "environment": "max_by(alerts, &began).id",
            "repository": "repository",
        },
        {
            "each": "alerts",
            "service": '_headers."x-name"',
            "finished_at": "ended",
            "environment": "_query.env",
            "version": "id",
        },
    ],
}
OWN_BODY = {
    "alerts": [{"id": "1", "began": NOW_MS, "ended": NOW_MS, "state": "ok", "services": ["a"], "repository": "a/b"}]
}
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -1e-300, 2**63, 10**30, "", " ", "x", "0", "x" * 3000, "\x00\n", "\U0001f600",
    "2026-01-31T12:00:00+99:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", [], {}, [[]], [None], [{}], {"": {}},
    ["a", 1, None], {"id": {"id": {"id": []}}}, [[[[]]]], "nan", "https://", "git@x:y", "_other", "A" * 40,
)  # fmt: skip
HEADERS = ("x", "\udcff", "", "x" * 3000, "\t", "=?utf-8?")
MILLISECONDS = 0.05


def recorded(preset: str) -> list[tuple[dict[str, str], Any]]:
    """The documented bodies of a preset, with their headers."""
    files = [json.loads(each.read_text()) for each in sorted((BODIES / preset).glob("*.json"))]
    return [(dict(each.get("headers", {})), each.get("body")) for each in files]


def broken(chance: random.Random, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value with some of its parts taken out, replaced, doubled or wrapped."""
    if chance.random() < 0.06:
        return chance.choice([*JUNK, [value], {"a": value}, [value, value]])
    if isinstance(value, dict):
        kept = {key: broken(chance, each) for key, each in value.items() if chance.random() > 0.03}
        return kept if chance.random() > 0.05 else {**kept, chance.choice([*kept, "x"]): chance.choice(JUNK)}
    if isinstance(value, list):
        return [broken(chance, each) for each in value]
    return value


def as_sent(chance: random.Random, value: object) -> bytes:
    """The bytes of a body, of which few are torn."""
    sent = json.dumps(value).encode()
    if chance.random() > 0.03:
        return sent
    place = chance.randrange(len(sent) + 1)
    return (
        sent[:place]
        + chance.choice([b"", b"\xff", b"[" * 2000, b'"', b"\\ud800"])
        + sent[place + chance.randrange(3) :]
    )


def sources() -> Iterator[tuple[JsonWebhook, list[tuple[dict[str, str], Any]]]]:
    clock = ManualClock()
    context = SourceContext(
        transport=Transport(clock=clock), clock=clock, default_environment="none", longest_window_ms=0
    )
    yield JsonWebhook(NAME, WebhookSettings.model_validate(OWN), context), [({}, OWN_BODY)]
    for each in NAMES:
        yield JsonWebhook(NAME, WebhookSettings(preset=each, service="shop"), context), recorded(each)


async def tell(count: int, seed: int) -> Mapping[str, int]:
    """Tells each source its share of so many bodies; gives how many were told, read and refused."""
    chance = random.Random(seed)
    all_sources = list(sources())
    told = refused = 0
    for source, bodies in all_sources:
        sink = StoreSink(NAME)
        for _ in range(count // len(all_sources)):
            headers, body = chance.choice(bodies or [({}, OWN_BODY)])
            sent = as_sent(chance, broken(chance, body))
            told += 1
            began = process_time()
            try:
                await source.ingest(_head(chance, headers), sent, sink)
            except Unreadable:
                refused += 1
            except Exception as defect:
                raise AssertionError(f"seed {seed}: {sent[:2000]!r}") from defect
            assert process_time() - began < MILLISECONDS * 20, f"seed {seed}: {sent[:2000]!r}"
    return {"told": told, "refused": refused}


def _head(chance: random.Random, headers: dict[str, str]) -> Any:  # noqa: ANN401
    changed = {name: value if chance.random() > 0.05 else chance.choice(HEADERS) for name, value in headers.items()}
    return delivery_head({**changed, "X-Name": chance.choice(HEADERS)}, query={"env": chance.choice(HEADERS)})


@pytest.mark.usefixtures("no_garbage_search")
def test_a_broken_body_is_never_an_error_of_ours() -> None:
    seed = random.SystemRandom().randrange(2**32)
    result = asyncio.run(tell(4_000, seed))

    assert result["told"] > 3_000
    assert result["refused"] < result["told"] / 10, f"seed {seed}"


@pytest.mark.e2e
@pytest.mark.usefixtures("no_garbage_search")
def test_of_a_hundred_thousand_broken_bodies_none_is_an_error_of_ours() -> None:
    asyncio.run(tell(100_000, random.SystemRandom().randrange(2**32)))
