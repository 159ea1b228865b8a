r"""Matchers in Alertmanager's way of writing, with its UTF-8 names: ``"service.name"=~"shop|basket"``.

A name is quoted, or free of white space and of the signs that mean something. In quotes the escapes of Go's strings
hold; before anything else a backslash stays, as in Alertmanager's older syntax: ``version=~"v\d+"`` is enough.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from dora_exporter.dora.failures.pattern import compiled

_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
_NAME = rf"{_QUOTED}|[^\s{{}}!=~,\\\"'`]+"
_BEGINNING = rf"\s*({_NAME})\s*((?>=~|!~|!=|=))\s*"
_MATCHER = re.compile(rf"{_BEGINNING}({_QUOTED}|(?!\").*?)\s*", re.DOTALL)
_ONE_OF_SEVERAL = re.compile(rf"{_BEGINNING}({_QUOTED}|[^\s{{}}!=~,\\\"'`]*)\s*(?:,\s*|\Z)")
_ESCAPE = re.compile(rb"""\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))""")
_SHORT = dict(zip(b'abfnrtv\\"', (b"\a", b"\b", b"\f", b"\n", b"\r", b"\t", b"\v", b"\\", b'"'), strict=True))


@dataclass(frozen=True)
class Matcher:
    """Conditions on labels, mostly one. A label that is not there is empty."""

    text: str
    conditions: tuple[tuple[str, Callable[[str], bool]], ...] = field(compare=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert's labels fulfil all of them."""
        return all(holds(labels.get(label, "")) for label, holds in self.conditions)


def parse_matcher(text: object) -> Matcher:
    """Reads a matcher; raises ValueError with what to write instead."""
    if isinstance(text, Matcher):
        return text
    found = _found_in(_without_braces(text)) if isinstance(text, str) else []
    if not found or not isinstance(text, str):
        raise ValueError('must be a matcher such as severity="critical", team=~"a|b" or "service.name"="shop"')
    return Matcher(text, tuple(map(_read, found)))


def _found_in(text: str) -> list[re.Match[str]]:
    """The one matcher, or several with commas between them as Alertmanager has it; none where something is over."""
    found, at = [], 0
    while at < len(text) and (one := _ONE_OF_SEVERAL.match(text, at)):
        found.append(one)
        at = one.end()
    if found and at == len(text):
        return found
    whole = _MATCHER.fullmatch(text)
    return [whole] if whole else []


def _read(parts: re.Match[str]) -> tuple[str, Callable[[str], bool]]:
    label, comparison, value = _unquoted(parts[1]), parts[2], _unquoted(parts[3])
    if not label:
        raise ValueError("must name a label")
    return label, _condition(comparison, value)


def _without_braces(text: str) -> str:
    inner = text.strip()
    return inner[1:-1] if inner.startswith("{") and inner.endswith("}") else text


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return _ESCAPE.sub(_meaning, text[1:-1].encode()).decode()
    except (UnicodeError, ValueError, OverflowError):
        raise ValueError("must not be a lone surrogate") from None


def _meaning(escape: re.Match[bytes]) -> bytes:
    short, byte, octal, *points = escape.groups()
    if short:
        return _SHORT[ord(short)]
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    return chr(int(points[0] or points[1], 16)).encode()


def _condition(comparison: str, value: str) -> Callable[[str], bool]:
    if "~" not in comparison:
        return partial(operator.eq if comparison == "=" else operator.ne, value)
    matches = compiled(value).fullmatch
    return lambda given: (matches(given) is not None) == (comparison == "=~")


MatcherField = Annotated[
    Matcher,
    PlainValidator(parse_matcher),
    PlainSerializer(lambda matcher: matcher.text, return_type=str),
    WithJsonSchema({"type": "string"}),
]
