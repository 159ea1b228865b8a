"""Lines of a bulk body into structs, and what is unknown in them."""

from typing import Any

from msgspec import ValidationError
from msgspec.json import Decoder

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.web.api.schema.decode import Parser, UnknownAttribute, unknown_in_line
from dora_exporter.web.api.schema.requests import (
    BulkDeployment,
    BulkFailure,
    DeploymentLine,
    FailureLine,
    Git,
    Line,
)


class _KnownGit(Git, frozen=True, gc=False, forbid_unknown_fields=True):
    pass


class _KnownDeployment(BulkDeployment, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    git: _KnownGit | list[_KnownGit] | None = None  # type: ignore[assignment]


class _KnownFailure(BulkFailure, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    git: _KnownGit | None = None


class _KnownDeploymentLine(DeploymentLine, frozen=True, gc=False, tag="deployment", tag_field="type"):
    attributes: _KnownDeployment


class _KnownFailureLine(FailureLine, frozen=True, gc=False, tag="failure", tag_field="type"):
    attributes: _KnownFailure


_KNOWN: Decoder[Any] = Decoder(_KnownDeploymentLine | _KnownFailureLine)
_LINES: Parser[Line] = Parser(Decoder(Line))


def parse_line(text: bytes) -> tuple[Line, list[UnknownAttribute]]:
    """The line as a struct, and its unknown attributes; raises ``BadRequest``."""
    try:
        line: Line = _KNOWN.decode(text)
    except (ValidationError, *FLAWS):  # something is unknown, or wrong: another reading says what
        return _LINES.parse(text), unknown_in_line(text)
    return line, []
