"""The README's table of settings, made from the settings' models."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dora_exporter.durations import Span

HEADING = ("key", "type", "default", "meaning")

_KINDS = {bool: "true or false", int: "whole number", str: "text", Path: "path", SecretStr: "secret", Span: "duration"}


@dataclass(frozen=True)
class Setting:
    """A key, what it takes, and what it is when it is not given."""

    key: str
    kind: str
    default: str


def rows(settings: type[BaseModel], meanings: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The table; what a key means is taken from ``meanings``, and nothing where it is not there."""
    return [
        (f"`{each.key}`", each.kind, f"`{each.default}`" if each.default != "required" else "required", meanings.get(each.key, ""))
        for each in sorted(described(settings), key=lambda each: each.key.partition(".")[0])
    ]


def described(settings: type[BaseModel], prefix: str = "") -> Iterator[Setting]:
    """Every key of a model and of the models within it."""
    for name, field in settings.model_fields.items():
        yield from _described(f"{prefix}{field.alias or name}", field.annotation, field)


def _described(key: str, annotation: object, field: FieldInfo) -> Iterator[Setting]:
    bare = _bare(annotation)
    inner = _bare(get_args(bare)[-1 if get_origin(bare) is dict else 0]) if get_origin(bare) in {dict, tuple} else bare
    if inner is bare and _is_model(bare):
        yield from described(bare, f"{key}.")
        return
    yield Setting(key, _kind(bare), _default(field))
    if inner is bare:
        return
    below = f"{key}.<name>" if get_origin(bare) is dict else f"{key}[]"
    for model in (inner, *get_args(inner)):
        if _is_model(model):
            kind = model.model_fields.get("kind")
            named = f" ({kind.annotation.__args__[0]})" if kind is not None and get_args(kind.annotation) else ""
            yield from described(model, f"{below}{named}.")


def _bare(annotation: Any) -> Any:
    """A type without its conditions, and without None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        others = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(others[0]) if len(others) == 1 else annotation
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in get_args(annotation))
    if origin is tuple:
        return f"list of {_kind(_bare(get_args(annotation)[0]))}"
    if origin is dict or _is_model(annotation):
        return "mapping"
    return _KINDS.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = _plain(field.get_default(call_default_factory=True, validated_data={}))
    return value if isinstance(value, str) else json.dumps(value)


def _plain(value: object) -> object:
    if isinstance(value, Span):
        return value.text
    if isinstance(value, BaseModel):
        return {name: _plain(each) for name, each in value}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
