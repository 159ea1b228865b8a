"""Numbers as ``/api/v1/numbers`` answers them."""

from urllib.parse import urlencode

from msgspec import Raw, Struct, json

from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.runtime.timestamps import iso
from dora_exporter.series.number_values import Shown
from dora_exporter.series.numbers import Numbers, NumbersOf


class NumbersOfWindow(Struct, frozen=True):
    """The values by gauge, of the time after ``after`` until ``until``; null where there is nothing to compute one of.

    ``partial`` says that the window begins before what the retention keeps.
    """

    window: str
    after: str
    until: str
    partial: bool
    values: dict[str, Shown]


class NumbersOfSubject(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A service, a team or a group in an environment; ``explain`` is the page about its numbers."""

    service: str | None = None
    team: str | None = None
    group: str | None = None
    environment: str
    tier: str
    explain: str
    numbers: list[NumbersOfWindow]


class NumbersAnswer(Struct, frozen=True):
    """A page of results; ``total`` counts all of them. ``known`` repeats the parameter: then or now."""

    known: str
    total: int
    page: int
    pages: int
    results: list[NumbersOfSubject]


class EncodedAnswer(Struct, frozen=True):
    """The same, with results that are encoded already, one by one: all in one go would take long."""

    known: str
    total: int
    page: int
    pages: int
    results: list[Raw]


async def encoded(found: NumbersOf, url: str) -> Raw:
    """The numbers of a subject, a few milliseconds at a time; ``url`` is where the daemon is reached."""
    windows = [json.encode(_of_window(each)) async for each in in_turns(found.numbers)]
    without = json.encode(_of_subject(found, url, []))  # the windows come last
    return Raw(without.removesuffix(b"]}") + b",".join(windows) + b"]}")


def of_subject(found: NumbersOf, url: str) -> NumbersOfSubject:
    """The same before it is encoded."""
    return _of_subject(found, url, [_of_window(each) for each in found.numbers])


def _of_subject(found: NumbersOf, url: str, numbers: list[NumbersOfWindow]) -> NumbersOfSubject:
    subject = found.subject
    return NumbersOfSubject(
        service=subject.name if subject.kind == "service" else None,
        team=subject.name if subject.kind == "team" else None,
        group=subject.name if subject.kind == "group" else None,
        environment=subject.environment,
        tier=found.tier,
        explain=f"{url}/explain?{urlencode(subject.labels, errors='replace')}",
        numbers=numbers,
    )


def _of_window(found: Numbers) -> NumbersOfWindow:
    window = found.window
    return NumbersOfWindow(window.text, iso(window.start_ms), iso(window.end_ms), found.is_partial, found.values)
