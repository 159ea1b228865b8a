"""Errors in a configuration: one readable line per mistake, never with a value."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

Location = tuple[str | int, ...]
"""The path from the top of the settings to one of them."""


@dataclass(frozen=True)
class Mistake:
    """One thing to correct: ``where`` is a file with its line, a variable or a flag."""

    where: str
    text: str

    def __str__(self) -> str:
        """The line that is shown."""
        return f"{self.where}: {self.text}"


class ConfigError(Exception):
    """The configuration cannot be used. Its text is a line per mistake."""

    def __init__(self, mistakes: Iterable[Mistake], *, data: Mapping[str, Any] | None = None) -> None:
        """Puts the mistakes in the order of their lines, and each of them once. ``data`` is all that was read."""
        self.data = data or {}
        self.mistakes = tuple(sorted(dict.fromkeys(mistakes), key=_order))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True)
class Layer:
    """The settings that come from one place.

    ``where`` says where in it a setting stands. ``misread`` says what YAML took a setting for that was written without
    quotes and is not text, None for everything else. ``json`` says that lists and mappings are written as JSON there.
    ``mistakes`` were found while it was read.
    """

    data: Mapping[str, Any]
    where: Callable[[Location], str]
    misread: Callable[[Location], str | None] = lambda _location: None
    json: bool = False
    mistakes: tuple[Mistake, ...] = ()


def _order(mistake: Mistake) -> tuple[str, int]:
    path, _, line = mistake.where.rpartition(":")
    return (path, int(line)) if line.isdigit() else (mistake.where, 0)


def misplaced(text: str, *location: str | int) -> PydanticCustomError:
    """To be raised by a field's validator that sees other fields: the mistake is shown at ``location`` in the model."""
    return PydanticCustomError("misplaced", "{text}", {"text": text, "location": location})


Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], layers: Sequence[Layer], *, context: Mapping[str, object] | None = None) -> Model:
    """Merges layers into settings, earlier layers first; raises ``ConfigError`` with every mistake in them."""
    data = _merged(layers)
    mistakes = [mistake for layer in layers for mistake in layer.mistakes]
    try:
        settings = model.model_validate(data, context=context)
    except ValidationError as error:
        details = _without_echoes(error.errors(include_url=False, include_input=False))
        mistakes += [_mistake(model, data, layers, each) for each in details]
    else:
        if not mistakes:
            return settings
    raise ConfigError(mistakes, data=data)


_EMPTY = '""'


def shown(location: Location) -> str:
    """A location as people write it: ``web.listen_addresses[0]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part or _EMPTY}" for part in location)
    return _printable("".join(parts).removeprefix("."))


def _printable(text: str) -> str:
    """The text on one line."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _without_echoes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Drops "the list is too short" where that follows from mistakes in its items."""
    places = {each["loc"][:depth] for each in details for depth in range(len(each["loc"]))}
    return [each for each in details if each["type"] != "too_short" or each["loc"] not in places]


def suggestion(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """``, did you mean NAME?`` if a known name is close, else empty."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=likeness)
    return f", did you mean {close[0]}?" if close else ""


def models_in(annotation: object) -> list[type[BaseModel]]:
    """The models that a field may hold, itself or in a list, a mapping or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]


def find(data: object, location: Location) -> bool:
    """Whether the data has something at a location."""
    for part in location:
        if isinstance(data, Mapping):
            inner = [data[part]] if part in data else []
        else:
            inner = data[part : part + 1] if isinstance(data, list) and isinstance(part, int) else []
        if not inner:
            return False
        data = inner[0]
    return True


def _merged(layers: Sequence[Layer]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged = _over(merged, layer.data)
    return merged


def _over(below: object, above: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping ``above`` with what only ``below`` has."""
    if not isinstance(below, Mapping):
        return dict(above)
    joined = {
        key: _over(below.get(key), value) if isinstance(value, Mapping) else value for key, value in above.items()
    }
    return {**below, **joined}


def _mistake(model: type[BaseModel], data: Mapping[str, Any], layers: Sequence[Layer], detail: ErrorDetails) -> Mistake:
    location = _trace(data, detail)
    is_choice = detail["type"] in {"union_tag_not_found", "union_tag_invalid"}
    key = detail["ctx"]["discriminator"].strip("'") if is_choice else ""
    kinds = _kinds_at(model, location, key) if is_choice else ()
    if kinds:
        location = (*location, key)
    holders = [layer for part in (location, location[:-1]) for layer in layers if find(layer.data, part)]
    where = holders[0].where(location) if holders else "configuration"
    if kinds:
        text = _text_about_kind(detail, kinds)
    elif detail["type"] == "extra_forbidden":
        text, location = _text_about_key(model, location)
    else:
        text = _text(detail, location, holders[0] if holders else None)
    name = shown(location)
    return Mistake(where, f"{name}: {text}" if name else text)


def _text_about_key(model: type[BaseModel], location: Location) -> tuple[str, Location]:
    """The message about an unknown key, and the key as shown: the text after a colon may be a secret."""
    key, colon, _ = str(location[-1]).partition(":")
    if colon:
        return "unknown key, is the space after the colon missing?", (*location[:-1], key)
    return "unknown key" + suggestion(key, _fields_at(model, location[:-1])), location


def _trace(data: Mapping[str, Any], detail: ErrorDetails) -> Location:
    """The location of an error in the data. Pydantic's location also names unions and validators, removed here."""
    wanted = detail["loc"]
    if detail["type"] == "misplaced":
        wanted = (*wanted[:-1], *detail["ctx"]["location"])
    way: Location = ()
    for part in wanted:
        if find(data, (*way, part)):
            way = (*way, part)
    return (*way, wanted[-1]) if detail["type"] == "missing" else way


def _fields_at(model: type[BaseModel], location: Location) -> set[str]:
    """The keys that are known at a location."""
    fields = (field for each in _models_at(model, location) for field in each.model_fields.items())
    return {field.alias or name for name, field in fields}


def _models_at(model: type[BaseModel], location: Location) -> list[type[BaseModel]]:
    """The models that a location may follow. Where it goes through a union, all its members."""
    models = [model]
    for part in location:
        fields = [each.model_fields[part] for each in models if isinstance(part, str) and part in each.model_fields]
        models = [inner for field in fields for inner in models_in(field.annotation)] or models
    return models


def _kinds_at(model: type[BaseModel], location: Location, key: str) -> list[str]:
    """The values of the key that says which of several models a mapping is to follow."""
    fields = [each.model_fields[key] for each in _models_at(model, location) if key in each.model_fields]
    return sorted(kind for field in fields for kind in get_args(field.annotation))


def _text_about_kind(detail: ErrorDetails, known: Sequence[str]) -> str:
    said = f"must be {', '.join(known[:-1])} or {known[-1]}"
    if detail["type"] == "union_tag_not_found":
        return f"is missing, it {said}"
    return said + suggestion(str(detail["ctx"]["tag"]), known)


_TEXTS = {
    "missing": "is missing",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "string_type": "must be text",
    "path_type": "must be the path of a file",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length}, not {actual_length}",
    "too_long": "must have at most {max_length}, not {actual_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}
_JSON_EXAMPLES = {
    "list_type": '["one", "two"]',
    "tuple_type": '["one", "two"]',
    "dict_type": '{"name": "value"}',
    "model_type": '{"key": "value"}',
    "model_attributes_type": '{"key": "value"}',
}
_INTRODUCTION = re.compile(r"(?:Value error|Assertion failed), |Input should (?=be)")


def _text(detail: ErrorDetails, location: Location, layer: Layer | None) -> str:
    kind = detail["type"]
    misread = layer.misread(location) if layer else None
    if misread and kind in {"string_type", "path_type"}:
        return f"must be text, but unquoted it is {misread} in YAML: put it in quotes"
    if misread and kind == "literal_error":
        return f"must be {detail['ctx']['expected']}, in quotes: without them it is {misread} in YAML"
    if layer and layer.json and kind in _JSON_EXAMPLES:
        return f"{_TEXTS[kind]} in JSON, such as {_JSON_EXAMPLES[kind]}"
    if kind in _TEXTS:
        return _TEXTS[kind].format_map(detail.get("ctx", {}))
    return _INTRODUCTION.sub(lambda found: "must " if found[0].startswith("Input") else "", detail["msg"])
