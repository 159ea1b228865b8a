"""Bodies that are nearly what a product sends: documented ones of which a random part is another."""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from tests.sources.webhook.preset_fixtures import Fixture

_OTHER: tuple[Any, ...] = (
    None, True, 0, -1, 6.5, 1e300, 10**30, 1_700_000_000_000_000_000, "", " ", "x", "9" * 400, "\u0000", "\ud800",
    "2024-02-30T00:00:00Z", "2999-01-01T00:00:00Z", "0001-01-01T00:00:00", [], {}, [None], [[[]]], {"a": {"b": []}},
)  # fmt: skip
_MOST_CHANGES = 8
_MOST_COPIES = 100
_DEEPEST = 100
_LONG = 20_000
_SELDOM = 0.02


def disturbed(fixture: Fixture, random: Random) -> Iterator[bytes]:
    """The fixture's body, changed more and more."""
    body = json.loads(fixture.body)
    for _ in range(random.randint(1, _MOST_CHANGES)):
        body = _changed(body, random)
        text = json.dumps(body).encode()
        yield text[: random.randrange(len(text))] if random.random() < _SELDOM else text
        if len(text) > _LONG:
            return


def _changed(body: Any, random: Random) -> Any:  # noqa: ANN401 - JSON of any kind
    places = list(_places(body))
    if not places or random.random() < _SELDOM:
        return deepcopy(random.choice(_OTHER))
    holder, key = random.choice(places)
    value = holder[key]
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [value] * random.choice((1, 2, 50, _MOST_COPIES))
        case 2:
            for _ in range(random.randrange(_DEEPEST)):
                value = {"a": value}
            holder[key] = value
        case 3:
            elsewhere, its_key = random.choice(places)
            holder[key] = deepcopy(elsewhere[its_key])
        case _:
            holder[key] = deepcopy(random.choice(_OTHER))
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON of any kind
    """Every item of every list and object in a value, by what holds it."""
    left = [value]
    while left:
        holder = left.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, each in items:
            left.append(each)
            yield holder, key
