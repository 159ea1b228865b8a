"""Warns, before an import and after it, when most of its events are older than the retention."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from msgspec import Struct, ValidationError
from msgspec.json import Decoder

from dora_exporter.cli.import_events.line_errors import Mistakes
from dora_exporter.config.durations import Span
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.web.api.schema import fields
from dora_exporter.web.server.errors import BadAttribute

_LOOKED_AT = 1000
_SHARE = 0.5


class _Attributes(Struct):
    finished_at: int | str | None = None


class _Line(Struct):
    attributes: _Attributes


_lines = Decoder(_Line)


def told_before(
    lines: Iterable[tuple[int, bytes]], retention: Span, mistakes: Mistakes, *, clock: Clock
) -> Iterator[tuple[int, bytes]]:
    """Yields the numbered lines; before the first one, warns if most of the first thousand are too old."""
    rest = iter(lines)
    head = list(islice(rest, _LOOKED_AT))
    horizon = clock() - retention.ms
    old = sum(_ended_before(horizon, text) for _, text in head)
    if are_mostly(old, len(head)):
        mistakes.say(
            f"{old} of the first {len(head)} events are older than the retention of {retention.text}, which does not "
            "keep them: to have them, raise retention first"
        )
    return chain(head, rest)


def are_mostly(old: int, events: int) -> bool:
    """Whether so many events are most of them."""
    return old > events * _SHARE


def after(old: int, events: int, retention: Span, *, is_elsewhere: bool) -> str:
    """The warning at the end. ``is_elsewhere`` says that the retention is another daemon's."""
    which = "the daemon's retention" if is_elsewhere else f"the retention of {retention.text}"
    return (
        f"{old} of {events} events were not kept, because they are older than {which}: raise it and import them again"
    )


def _ended_before(horizon: int, text: bytes) -> bool:
    try:
        ended = _lines.decode(text).attributes.finished_at
        return ended is not None and fields.milliseconds(ended, "finished_at") < horizon
    except (ValidationError, BadAttribute, *FLAWS):
        return False
