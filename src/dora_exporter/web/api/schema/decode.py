"""JSON into structs: what does not fit is refused with the name of the attribute, what is unknown is counted."""

import json
import logging
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Generic, TypeVar

import msgspec
from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from dora_exporter.dora.bounds import bounded_label
from dora_exporter.dora.reserved import RESERVED
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.runtime.timestamps import RFC_3339
from dora_exporter.web.api.schema.fields import UNIX
from dora_exporter.web.api.schema.requests import BulkDeployment, BulkFailure, Git
from dora_exporter.web.server.errors import BadAttribute, BadRequest

_T = TypeVar("_T")

_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")
_TYPE = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")
_PLACED = re.compile(r"(?P<problem>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_PREFIX = re.compile(r"^\$\.?(?:data\.)?(?:attributes\.)?")
_GOT = {"int": "number", "float": "number with a fraction or an exponent", "str": "string"}
_EXPECTED = {"int": "integer", "str": "string"}
_TIMES = {"started_at": UNIX, "finished_at": UNIX, "timestamp": UNIX, "from": RFC_3339, "to": RFC_3339}
_KINDS = '"deployment" or "failure"'
"""What a line of a bulk body is."""

_SEARCHED_BYTES = 65_536


MOST_NAMES = 100
"""The number of names that are counted individually."""

_DEPLOYMENT = frozenset(BulkDeployment.__struct_encode_fields__)
_FAILURE = frozenset(BulkFailure.__struct_encode_fields__)
_GIT = frozenset(Git.__struct_encode_fields__)


class _Line(Struct, frozen=True):
    type: str
    attributes: dict[str, Raw]


class _Data(Struct, frozen=True):
    attributes: dict[str, Raw]


class _Request(Struct, frozen=True):
    data: _Data


_lines, _requests, _members = Decoder(_Line), Decoder(_Request), Decoder(dict[str, Raw])
_lists = Decoder(list[dict[str, Raw]])


class Parser(Generic[_T]):
    """Reads bodies of one shape."""

    def __init__(self, decoder: msgspec.json.Decoder[_T]) -> None:
        """``decoder`` knows the shape."""
        self._decoder = decoder

    def parse(self, body: bytes) -> _T:
        """The body as a struct, a byte order mark before it left out; raises ``BadRequest``."""
        body = body.removeprefix(BOM_UTF8)
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _misfit(str(error)) from error
        except FLAWS as error:
            raise _not_json(body, error) from error


class UnknownAttributes:
    """Counts the attributes that are ignored by name, and logs each name once: a typo must not be silent."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.counts: Counter[str] = Counter()
        self._logger = logging.getLogger(__name__)

    def in_deployment(self, body: bytes) -> None:
        """Counts those of a request with a deployment that was parsed."""
        self._note(_unknown(_requests.decode(body).data.attributes, _DEPLOYMENT))

    def in_failure(self, body: bytes) -> None:
        """Counts those of a request with an incident that was parsed."""
        self._note(_unknown(_requests.decode(body).data.attributes, _FAILURE))

    def in_line(self, found: Sequence["UnknownAttribute"]) -> list[str]:
        """Counts those that were found in a bulk line; a warning for each."""
        self._note(each.name for each in found)
        return [each.warning for each in found]

    def _note(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.counts or len(self.counts) < MOST_NAMES:
                is_new = name not in self.counts
                self.counts[name] += 1
                if is_new:
                    self._logger.warning("unknown attribute ignored name=%r", name)
            else:
                self.counts[RESERVED] += 1


@dataclass(frozen=True)
class UnknownAttribute:
    """An unknown attribute of a line, and the names that are known."""

    name: str
    known: frozenset[str]

    @property
    def warning(self) -> str:
        """The warning for its sender."""
        close = get_close_matches(self.name, sorted(self.known), n=1)
        meant = f", did you mean {close[0]}?" if close else ""
        return f'attribute "{self.name}" is unknown and ignored{meant}'


def unknown_in_line(text: bytes) -> list[UnknownAttribute]:
    """The unknown attributes of a bulk line that was parsed."""
    line = _lines.decode(text.removeprefix(BOM_UTF8))
    known = _FAILURE if line.type == "failure" else _DEPLOYMENT
    return [UnknownAttribute(name, known) for name in _unknown(line.attributes, known)]


def _misfit(message: str) -> BadRequest:
    if missing := _MISSING.fullmatch(message):
        return BadAttribute(_name(f"{missing['path'] or '$'}.{missing['name']}"), "is required")
    if wrong := _TYPE.fullmatch(message):
        got = _GOT.get(wrong["got"], wrong["got"])
        expected = " or ".join(_EXPECTED.get(each, each) for each in wrong["expected"].split(" | "))
        name = _name(wrong["path"] or "$")
        return BadRequest(
            f'error decoding attribute "{name}": invalid type {got}, expected {expected}{_meant_by(name, expected)}'
        )
    placed = _PLACED.fullmatch(message)
    path, problem = (placed["path"], placed["problem"]) if placed else (None, message)
    if path == "$.type":
        return BadAttribute("type", f"must be {_KINDS}")
    return BadAttribute(_name(path or "$"), f"is refused: {problem[:1].lower()}{problem[1:]}")


def _meant_by(name: str, expected: str) -> str:
    """The accepted formats of a time, because paths differ in them."""
    kind = next((kind for ending, kind in _TIMES.items() if name.rpartition(".")[2] == ending), None)
    if kind is None:
        return ""
    return f": {kind}, or {RFC_3339}" if kind is UNIX and "string" in expected else f": {kind}"


def _name(path: str) -> str:
    """``$.data.attributes.git.commit_sha`` as people write it: ``git.commit_sha``."""
    return _PREFIX.sub("", path) or path.lstrip("$.") or "body"


def _not_json(body: bytes, error: Exception) -> BadRequest:
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in body:
        return BadRequest("the body must be UTF-8, and it looks like UTF-16")
    culprit = _culprit(body) if len(body) <= _SEARCHED_BYTES else None
    if culprit is not None:
        return BadAttribute(_name(culprit[0]), culprit[1])
    if isinstance(error, RecursionError):
        return BadRequest("the body is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return BadRequest("the body is not UTF-8")
    return BadRequest(f"the body is not JSON: {error}")


class _Constant(str):
    """``NaN``, ``Infinity`` or ``-Infinity``."""

    __slots__ = ()


def _culprit(body: bytes) -> tuple[str, str] | None:
    """The path to a value that JSON or UTF-8 does not allow, and what is wrong with it.

    Uses a tolerant parser, whose cost falls only on senders of such bodies.
    """
    text = body.decode("utf-8", "surrogateescape")
    try:
        found = json.loads(text, parse_constant=_Constant, parse_int=_uninteresting, parse_float=_uninteresting)
    except (ValueError, RecursionError):
        return None
    waiting: list[tuple[str, object]] = [("$", found)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Constant):
            return path, f"must not be {value}"
        if isinstance(value, str) and not _is_encodable(value):
            return path, "must be UTF-8 without lone surrogates"
        if isinstance(value, dict):
            waiting += [(f"{path}.{key}", each) for key, each in value.items() if _is_encodable(key)]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", each) for index, each in enumerate(value)]
    return None


def _uninteresting(_digits: str) -> None:
    """A number may have more digits than Python converts."""


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(given: Mapping[str, Raw], known: frozenset[str]) -> list[str]:
    names = [] if given.keys() <= known else [name for name in given if name not in known]
    if git := given.get("git"):
        names += [f"git.{name}" for name in _names(git) if name not in _GIT]
    return [bounded_label(name) for name in names] if names else names


def _names(git: Raw) -> Iterable[str]:
    try:
        return _members.decode(git)
    except DecodeError:  # it is no mapping
        return _names_in_list(git)


def _names_in_list(git: Raw) -> Iterable[str]:
    try:
        return dict.fromkeys(name for each in _lists.decode(git) for name in each)
    except DecodeError:  # nor a list of them
        return ()
