"""The manual's table of settings, made from the settings' models."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dora_exporter.config.durations import Span
from dora_exporter.config.errors import models_in
from dora_exporter.sources.webhook.rules import Rule
from dora_exporter.sources.webhook.verification import Scheme

HEADING = ("key", "type", "default", "meaning")

_REQUIRED = "required"
_ON_THEIR_OWN_PAGE = (Rule, Scheme)
"""Models with more keys than a table of all settings can bear."""
_TYPES: Mapping[object, str] = {
    bool: "true or false",
    int: "whole number",
    Path: "path",
    SecretStr: "secret",
    Span: "duration",
}


@dataclass(frozen=True)
class Setting:
    """A key, what it takes, and what it is when it is not given."""

    key: str
    type: str
    default: str


def rows(settings: type[BaseModel], meanings: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The table; what a key means is taken from ``meanings``, and nothing where it is not there."""
    in_order = sorted(_described(settings, ""), key=lambda each: each.key.partition(".")[0])
    return [(f"`{each.key}`", each.type, each.default, meanings.get(each.key, "")) for each in in_order]


def _described(settings: type[BaseModel], prefix: str) -> Iterator[Setting]:
    """Every key of a model and of the models within it."""
    for name, field in settings.model_fields.items():
        key = prefix + name
        models = models_in(field.annotation)
        container = get_origin(_bare(field.annotation))
        if models and issubclass(models[0], _ON_THEIR_OWN_PAGE):
            yield Setting(key, "mapping", _default(field))
            continue
        if models and container not in {dict, tuple}:
            yield from _described(models[0], f"{key}.")
            continue
        default = _REQUIRED if name == "kind" else _default(field)  # it decides which model is taken
        yield Setting(key, _type(_bare(field.annotation)), default)
        for model in models:
            yield from _described(model, f"{key}.<{_kind(model)}>." if container is dict else f"{key}[].")


def _kind(model: type[BaseModel]) -> str:
    """What stands in a mapping for the name of an item: its kind, where there are several."""
    kind = model.model_fields.get("kind")
    kinds = get_args(kind.annotation) if kind else ()
    return str(kinds[0]) if len(kinds) == 1 else "name"


def _bare(annotation: object) -> object:
    """A type without its conditions, and without None."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _bare(arguments[0])
    if get_origin(annotation) in {Union, UnionType}:
        others = [each for each in arguments if each is not type(None)]
        return _bare(others[0]) if len(others) == 1 else annotation
    return annotation


def _type(bare: object) -> str:
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin is tuple:
        return f"list of {_type(_bare(arguments[0]))}"
    return "mapping" if origin is dict or models_in(bare) else _TYPES.get(bare, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return _REQUIRED
    value = _plain(field.get_default(call_default_factory=True, validated_data={}))
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _plain(value: object) -> object:
    if isinstance(value, Span):
        return value.text
    if isinstance(value, BaseModel):
        return {name: _plain(each) for name, each in value}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
