"""The manual's table of presets, made from their files."""

import re
from collections.abc import Iterator

from dora_exporter.sources.webhook import presets
from dora_exporter.sources.webhook.verification import (
    Basic,
    Hmac,
    QueryToken,
    StandardWebhooks,
    Timestamped,
    Token,
    Verification,
)

HEADING = ("preset", "events", "proof", "made from")
_DOCUMENT = re.compile(r"(?P<address>https://(?P<place>[^ ]+)) \((?P<when>.+)\)")


def rows() -> list[tuple[str, ...]]:
    """A row for each preset, by name."""
    return [_row(name, presets.load(name)) for name in presets.NAMES]


def _row(name: str, preset: presets.Preset) -> tuple[str, ...]:
    kinds = [kind for kind in ("incidents", "deployments") if getattr(preset, kind)]
    return f"`{name}`", ", ".join(kinds), _proof(preset.verify), ", ".join(_documents(preset))


def _documents(preset: presets.Preset) -> Iterator[str]:
    for each in preset.made_from:
        found = _DOCUMENT.fullmatch(each)
        assert found, each
        host = found["place"].partition("/")[0].removeprefix("www.")
        yield f"[{host}]({found['address']}) ({found['when']})"


def _proof(verify: Verification) -> str:
    match verify:
        case Hmac(header=header, prefix=prefix):
            return f"HMAC in `{header}`" + (f" after `{prefix}`" if prefix else "")
        case StandardWebhooks():
            return "Standard Webhooks"
        case Timestamped(header=header):
            return f"HMAC with a time in `{header}`"
        case Token(header=header, prefix=prefix):
            return f"secret in `{header}`" + (f" after `{prefix.strip()}`" if prefix else "")
        case QueryToken(parameter=parameter):
            return f"secret in the URL, `?{parameter}=`"
        case _:
            assert isinstance(verify, Basic), "no preset is for senders with an API key: they need none"
            return "secret as password of basic auth"
