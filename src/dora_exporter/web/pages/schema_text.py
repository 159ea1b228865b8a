"""JSON schemas in words for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

Schema = Mapping[str, Any]
_REFERENCE = "#/components/schemas/"
_BOUNDS = (("minLength", "maxLength", " characters"), ("minimum", "maximum", ""), ("minItems", "maxItems", " items"))
"""Keys of the least and the most, and what they count."""


@dataclass(frozen=True, slots=True)
class TypePart:
    """A part of the name of a type; ``anchor`` leads to the schema that it names."""

    text: str
    anchor: str | None = None


def anchor(name: str) -> str:
    """The anchor of a schema."""
    return f"schema-{name}"


def title(name: str) -> str:
    """The title of a schema: its name without the module that disambiguates it."""
    return name.rpartition(".")[2]


def referred(schema: Schema) -> str | None:
    """The name of the schema that this one only refers to."""
    reference: str | None = schema.get("$ref")
    return reference.removeprefix(_REFERENCE) if reference else None


def type_parts(schema: Schema) -> list[TypePart]:
    """The type that a schema describes."""
    name = referred(schema)
    if name is not None:
        return [TypePart(title(name), anchor(name))]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = [type_parts(each) for each in schema[several]]
            return [*chain.from_iterable((TypePart(" or "), *kind) for kind in kinds)][1:]
    if "contentSchema" in schema:
        return [TypePart("lines, each "), *type_parts(schema["contentSchema"])]
    if schema.get("type") == "array":
        return [TypePart("list of "), *type_parts(schema.get("items", {}))]
    if isinstance(schema.get("additionalProperties"), Mapping):
        return [TypePart("object of "), *type_parts(schema["additionalProperties"])]
    return [TypePart(_plain(schema))]


def limits(schema: Schema) -> Iterator[str]:
    """The constraints of a value beside its type."""
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{_value(each)}`" for each in schema["enum"] if each is not None)
    for least, most, counted in _BOUNDS:
        if least in schema and most in schema:
            yield f"{schema[least]} to {schema[most]}{counted}"
        elif least in schema or most in schema:
            yield f"at least {schema[least]}{counted}" if least in schema else f"at most {schema[most]}{counted}"
    if "pattern" in schema:
        yield f"matches `{schema['pattern']}`"
    if schema.get("default") is not None:
        yield f"`{_value(schema['default'])}` by default"


def _plain(schema: Schema) -> str:
    kind = schema.get("type", "string" if "enum" in schema else "anything")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
