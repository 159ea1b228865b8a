"""Unknown attributes: they are ignored, and counted by name, because a typo must not be silent."""

import logging
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from dora_exporter.dora.bounds import bounded_label
from dora_exporter.dora.reserved import RESERVED
from dora_exporter.web.api.schema.requests import BulkDeployment, BulkFailure, Git

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


class UnknownAttributes:
    """Counts unknown attributes by name, and logs each name once."""

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

    def in_line(self, text: bytes) -> list[str]:
        """Counts those of a bulk line that was parsed; a warning for each."""
        found = unknown_in_line(text)
        if found:
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
