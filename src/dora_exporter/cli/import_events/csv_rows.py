"""CSV of events, made into the lines that the bulk endpoint takes."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from dora_exporter.cli.import_events.line_errors import Mistakes
from dora_exporter.web.server.errors import BadRequest

COLUMNS = (
    "type",
    "service",
    "env",
    "environment",
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
    "outcome",
)
"""What the first line may name, in any order: the attributes of the API. ``type`` is ``deployment`` or ``failure``."""

_LISTS = {"service": "services", "custom_tags": "custom_tags"}
_GIT = ("commit_sha", "repository_url")
_SEPARATOR = ";"
_DELIMITERS = (",", ";", "\t")
"""What may stand between cells, as a spreadsheet's country has it."""
_HINT = re.compile(r"\ufeff?[sS][eE][pP]=([,;\t])\s*")
_BLANK = "".join(_DELIMITERS) + ' \r\n"'
_CARRIAGE_RETURNS = re.compile(r"(?<=\r)(?!\n)(?!$)")
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)


def rows(raw: Iterable[bytes], mistakes: Mistakes) -> Iterator[tuple[int, bytes]]:
    """The number and the bulk line of each row. An empty cell is absent; wrong rows are noted and left out."""
    texts = _texts(raw)
    line, delimiter, header_text = _beginning(texts)
    reader = csv.reader(chain([header_text], texts), delimiter=delimiter, strict=True)
    before = line - 1
    try:
        header = _without_empty_end([name.strip() for name in next(reader, [])])
        problem = _problem(header)
        if problem:
            mistakes.note(line, problem)
            return
        line = before + reader.line_num + 1
        for cells in reader:
            try:
                if any(cell.strip() for cell in cells):
                    yield line, _bulk_line(header, _without_empty_end(cells))
            except BadRequest as refusal:
                mistakes.note(line, refusal.detail)
            except UnicodeEncodeError:
                mistakes.note(line, "is not UTF-8")
            line = before + reader.line_num + 1
    except csv.Error as error:
        mistakes.note(line, f"is no CSV: {error}; the rest is not read")


def _beginning(texts: Iterator[str]) -> tuple[int, str, str]:
    """The number of the line that names the columns, the sign between its cells, and the line itself.

    Blank rows may come before it, and a line by which Excel names the sign.
    """
    said = None
    for number, text in enumerate(texts, start=1):
        if hint := _HINT.fullmatch(text):
            said = hint[1]
        elif text.strip(_BLANK):
            return number, said or max(_DELIMITERS, key=text.count), text
    return 1, _DELIMITERS[0], ""


def _without_empty_end(cells: list[str]) -> list[str]:
    """Spreadsheets fill rows up to the widest one."""
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _texts(raw: Iterable[bytes]) -> Iterator[str]:
    """The lines as text, also where a line ends with a carriage return alone.

    Invalid UTF-8 is found when the text is encoded again.
    """
    for each in raw:
        yield from _CARRIAGE_RETURNS.split(each.decode("utf-8", "surrogateescape"))


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
        raise BadRequest("commit_sha and repository_url must have the same number of parts")
    return [{"commit_sha": sha, "repository_url": url} for sha, url in zip(shas, urls, strict=True)]


def _value(name: str, cell: str) -> object:
    if name not in ("started_at", "finished_at"):
        return cell
    moment = cell.strip()
    return int(moment) if _NUMBER.fullmatch(moment) else moment
