"""Reads a YAML file as plain data that knows the line of everything in it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dora_exporter.config.errors import ConfigError, Layer, Location, Mistake, shown

_TEXT_TAG = "tag:yaml.org,2002:str"
_MISREADINGS = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:timestamp": "a date",
}
_MERGE_TAG = "tag:yaml.org,2002:merge"
_CITATION = re.compile(r"""\s*(?:'([^']*)(?:'|$)|"([^"]*)(?:"|$))""")
_OF_YAML = re.compile(r".?|<[a-z ]+>|\\.")
"""Citations that may be shown: single characters, and the parser's names of tokens."""
_UNREADABLE = object()


class Document:
    """The content of a YAML file."""

    def __init__(self, path: Path, text: str) -> None:
        """Raises ``ConfigError`` when the text is no YAML mapping; lesser faults are listed in ``mistakes``."""
        self.path = path
        self.mistakes: list[Mistake] = []
        self._loader: Any = None
        self._root = self._parsed(text)
        self._under_way: set[int] = set()
        self.data: dict[str, Any] = {}
        if self._root is not None:
            data = self._plain(self._root, ())
            if not isinstance(data, dict):
                raise ConfigError([self._at(self._root, "must be a mapping of keys to values")])
            self.data = data

    def layer(self, data: Mapping[str, object]) -> Layer:
        """The content, or the part of it given as ``data``, as settings.

        The paths in its ``..._file`` keys start from the folder of the file rather than from the working directory.
        """
        relocated = {key: _from_folder(self.path.parent, key, value) for key, value in data.items()}
        return Layer(relocated, self.where, self.misread, mistakes=tuple(self.mistakes))

    def where(self, location: Location) -> str:
        """The file and the line of a setting, or of what is nearest to it."""
        lines = [line for line, _ in self._steps(location)]
        return f"{self.path}:{lines[-1] if lines else 1}"

    def misread(self, location: Location) -> str | None:
        """The type that YAML read an unquoted word as, when that is not text."""
        steps = list(self._steps(location))
        if len(steps) != len(location) or not steps:
            return None
        node = steps[-1][1]
        return _MISREADINGS.get(node.tag) if isinstance(node, yaml.ScalarNode) else None

    def _steps(self, location: Location) -> Iterator[tuple[int, yaml.Node]]:
        """The line and the value of each part of a location, as far as the file has it."""
        node = self._root
        for part in location:
            found = _child(node, part)
            if found is None:
                return
            key, node = found
            yield key.start_mark.line + 1, node

    def _parsed(self, text: str) -> yaml.Node | None:
        try:
            self._loader = yaml.SafeLoader(text)
            node: yaml.Node | None = self._loader.get_single_node()
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise ConfigError([Mistake(f"{self.path}:{line}", "holds a character that YAML does not allow")]) from None
        except yaml.MarkedYAMLError as error:
            raise ConfigError([self._syntax_mistake(error)]) from None
        except RecursionError:
            raise ConfigError([Mistake(str(self.path), "is nested too deeply")]) from None
        return node

    def _syntax_mistake(self, error: yaml.MarkedYAMLError) -> Mistake:
        """Removes the parser's citations of the file: they may be secrets."""
        mark = error.problem_mark or error.context_mark
        where = f"{self.path}:{mark.line + 1}" if mark else str(self.path)
        if isinstance(error, yaml.composer.ComposerError) and "single document" in str(error.context):
            return Mistake(where, "must hold one YAML document, here begins a second one")
        if isinstance(error, yaml.composer.ComposerError) and error.problem == "second occurrence":
            return Mistake(where, "is not YAML: defines an anchor twice")
        return Mistake(where, f"is not YAML: {_CITATION.sub(_without_secret, str(error.problem))}")

    def _at(self, node: yaml.Node, text: str) -> Mistake:
        return Mistake(f"{self.path}:{node.start_mark.line + 1}", text)

    def _plain(self, node: yaml.Node, location: Location) -> object:
        if id(node) in self._under_way:
            self.mistakes.append(self._at(node, f"{shown(location)}: must not hold itself"))
            return _UNREADABLE
        self._under_way.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode):
                return [self._plain(each, (*location, index)) for index, each in enumerate(node.value)]
            return self._scalar(node, location)
        finally:
            self._under_way.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        """Reports keys that are not text or that appear twice; of duplicates the last one counts."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag == _MERGE_TAG:
                continue
            if key.tag != _TEXT_TAG:
                self.mistakes.append(self._at(key, self._key_text(key, location)))
                continue
            if key.value in lines:
                name = shown((*location, key.value))
                self.mistakes.append(self._at(key, f"{name}: duplicate key, it is in line {lines[key.value]} already"))
            lines.setdefault(key.value, key.start_mark.line + 1)
        try:
            self._loader.flatten_mapping(node)
        except yaml.MarkedYAMLError:
            self.mistakes.append(self._at(node, "<<: must name a mapping"))
        texts = ((key.value, value) for key, value in node.value if key.tag == _TEXT_TAG)
        values = ((name, self._plain(value, (*location, name))) for name, value in texts)
        return {name: value for name, value in values if value is not _UNREADABLE}

    def _key_text(self, key: yaml.Node, location: Location) -> str:
        taken_for = _MISREADINGS.get(key.tag)
        inside = f"{shown(location)}: " if location else ""
        if taken_for is None:
            return f"{inside}a key must be text"
        return f"{inside}a key must be text, but unquoted it is {taken_for} in YAML: put it in quotes"

    def _scalar(self, node: yaml.Node, location: Location) -> object:
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self.mistakes.append(self._at(node, f"{shown(location)}: YAML cannot read this value: put it in quotes"))
            return _UNREADABLE


def read(path: Path) -> Document:
    """The content of a file; raises ``ConfigError`` when there is none or it is no YAML mapping."""
    return Document(path, read_text(path))


def read_text(path: Path) -> str:
    """The text of a file of settings; raises ``ConfigError``."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        reason = "no such file"
    except IsADirectoryError:
        reason = "is a folder, not a file"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
    raise ConfigError([Mistake(str(path), reason)])


def _from_folder(folder: Path, key: str, value: object) -> object:
    if isinstance(value, dict):
        return {inner: _from_folder(folder, inner, each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_from_folder(folder, "", each) for each in value]
    return str(folder / value) if key.endswith("_file") and isinstance(value, str) and value else value


def _without_secret(citation: re.Match[str]) -> str:
    """Removes a citation of the file; citations of the grammar stay."""
    return citation[0] if _OF_YAML.fullmatch(citation[1] or citation[2] or "") else ""


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that marks the place of a part of a mapping or sequence, and its value; of equal keys the last."""
    if isinstance(node, yaml.MappingNode):
        pairs = [(key, value) for key, value in node.value if key.value == part]
        return pairs[-1] if pairs else None
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
