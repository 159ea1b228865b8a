"""CSV of events, made into the lines that the bulk endpoint takes."""

import csv
import re
from collections.abc import Iterable, Iterator

import msgspec

from dora_exporter.commands.mistakes import Mistakes
from dora_exporter.web import values
from dora_exporter.web.errors import BadRequest

COLUMNS = (
    "type",
    "service",
    "env",
    "started_at",
    "finished_at",
    "version",
    "team",
    "id",
    "commit_sha",
    "repository_url",
    "custom_tags",
    "name",
    "severity",
)
"""What the first line may name, in any order: the attributes of the API. ``type`` is ``deployment`` or ``failure``."""

_LISTS = {"service": "services", "custom_tags": "custom_tags"}
_GIT = ("commit_sha", "repository_url")
_SEPARATOR = ";"
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)


def rows(raw: Iterable[bytes], mistakes: Mistakes) -> Iterator[tuple[int, bytes]]:
    """The number and the bulk line of each row. An empty cell is absent; wrong rows are noted and left out."""
    reader = csv.reader(_texts(raw), strict=True)
    line = 1
    try:
        header = next(reader, [])
        problem = _problem(header)
        if problem:
            mistakes.note(line, problem)
            return
        line = reader.line_num + 1
        for cells in reader:
            try:
                if cells:
                    yield line, _bulk_line(header, cells)
            except BadRequest as refusal:
                mistakes.note(line, refusal.detail)
            except UnicodeEncodeError:
                mistakes.note(line, "is not UTF-8")
            line = reader.line_num + 1
    except csv.Error as error:
        mistakes.note(line, f"is no CSV: {error}; the rest is not read")


def _texts(raw: Iterable[bytes]) -> Iterator[str]:
    """The lines as text; what is no UTF-8 is found out when it is encoded again."""
    for number, each in enumerate(raw):
        yield each.decode("utf-8" if number else "utf-8-sig", "surrogateescape")


def _problem(header: list[str]) -> str | None:
    for name in header:
        if name not in COLUMNS:
            return f"column {name!a} is unknown: there are {', '.join(COLUMNS)}"
        if header.count(name) > 1:
            return f"column {name!r} is there twice"
    missing = [name for name in ("type", "service", "started_at") if name not in header]
    return f"column {missing[0]!r} is missing" if missing else None


def _bulk_line(header: list[str], cells: list[str]) -> bytes:
    if len(cells) > len(header):
        raise BadRequest("has more cells than the first line")
    row = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    kind = row.pop("type", "")
    git = _git({name: row.pop(name) for name in _GIT if name in row})
    attributes: dict[str, object] = {name: _value(name, cell) for name, cell in row.items()}
    for name, attribute in _LISTS.items():
        if name in row and (kind == "failure" or name == attribute):
            del attributes[name]
            attributes[attribute] = [part for part in row[name].split(_SEPARATOR) if part]
    if git:
        attributes["git"] = git
    return msgspec.json.encode({"type": kind, "attributes": attributes})


def _git(cells: dict[str, str]) -> dict[str, str] | list[dict[str, str]]:
    """The commit; of several repositories there are as many SHAs as URLs in the cells."""
    if _SEPARATOR not in cells.get("commit_sha", ""):
        return cells
    shas, urls = (cells.get(name, "").split(_SEPARATOR) for name in _GIT)
    if len(shas) != len(urls):
        raise BadRequest("commit_sha and repository_url must have as many parts")
    return [{"commit_sha": sha, "repository_url": url} for sha, url in zip(shas, urls, strict=True)]


def _value(name: str, cell: str) -> object:
    if name not in ("started_at", "finished_at"):
        return cell
    return int(cell) if _NUMBER.fullmatch(cell) else values.moment(cell, name)
