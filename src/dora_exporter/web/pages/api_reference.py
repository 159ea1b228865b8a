"""An OpenAPI document as a reference for people."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dora_exporter.web.pages.schema_text import Schema, TypePart, anchor, limits, referred, title, type_parts

_GROUPS = (
    ("API", ("/api/", "/webhooks/")),
    ("Prometheus and operations", ("/metrics", "/-/")),
    ("Pages and files", ("/",)),
)
"""Headings, and what the paths below them begin with; the first that fits counts."""
_MARKS = re.compile(r"(`+)(.+?)\1", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or an attribute of an object. ``place`` is where a parameter stands: in the path or the query."""

    name: str
    type: Sequence[TypePart]
    is_required: bool
    is_deprecated: bool
    description: str
    limits: Sequence[str]
    place: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is sent or answered. ``fields`` are those of an object, with dots where objects are in objects."""

    description: str
    media_type: str = ""
    type: Sequence[TypePart] = ()
    fields: Sequence[Field] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a path. ``answers`` are by status."""

    anchor: str
    method: str
    path: str
    summary: str
    needs_key: bool
    is_deprecated: bool
    parameters: Sequence[Field]
    request: Body | None
    answers: Mapping[str, Body]


@dataclass(frozen=True, slots=True)
class DescribedObject:
    """A schema of its own."""

    anchor: str
    title: str
    description: str
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class ApiReference:
    """All endpoints by heading, all schemas by title, and the headers that can hold a key where one is asked for."""

    groups: Mapping[str, Sequence[Endpoint]]
    objects: Sequence[DescribedObject]
    key_headers: Sequence[str]


def api_reference(document: Mapping[str, Any]) -> ApiReference:
    """Reads an OpenAPI document."""
    components = document["components"]
    schemas: Mapping[str, Schema] = components["schemas"]
    endpoints = [
        _endpoint(method, path, operation, schemas)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    objects = [_object(name, schema) for name, schema in schemas.items()]
    return ApiReference(
        groups={heading: [each for each in endpoints if _heading(each.path) == heading] for heading, _ in _GROUPS},
        objects=sorted(objects, key=lambda each: each.title),
        key_headers=[_header(each) for each in components["securitySchemes"].values()],
    )


def prose(text: str) -> list[list[tuple[bool, str]]]:
    """Paragraphs as parts; parts between backticks are code (True)."""
    return [[*_parts(paragraph)] for paragraph in text.split("\n\n")]


def _parts(paragraph: str) -> Iterator[tuple[bool, str]]:
    end = 0
    for match in _MARKS.finditer(paragraph):
        yield False, paragraph[end : match.start()]
        yield True, match[2]
        end = match.end()
    yield False, paragraph[end:]


def _heading(path: str) -> str:
    return next(heading for heading, prefixes in _GROUPS if path.startswith(prefixes))


def _header(scheme: Mapping[str, str]) -> str:
    return scheme["name"] if scheme["type"] == "apiKey" else f"Authorization: {scheme['scheme'].capitalize()}"


def _endpoint(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Endpoint:
    request = operation.get("requestBody")
    return Endpoint(
        anchor=f"{method}-{re.sub(r'[^a-z0-9_.-]', '-', path.removeprefix('/'))}",
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        needs_key="security" in operation,
        is_deprecated=operation.get("deprecated", False),
        parameters=[_parameter(each) for each in operation["parameters"]],
        request=_body(request, schemas) if request else None,
        answers={status: _body(answer, {}) for status, answer in operation["responses"].items()},
    )


def _body(body: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Body:
    """A body; its fields are given where ``schemas`` has them."""
    for media_type, content in body.get("content", {}).items():
        schema = content["schema"]
        return Body(body["description"], media_type, type_parts(schema), [*_fields_within(schema, schemas)])
    return Body(body["description"])


def _fields_within(schema: Schema, schemas: Mapping[str, Schema], before: str = "") -> Iterator[Field]:
    """The fields of an object, and in place of a field that is always an object the fields of that."""
    within = schemas.get(referred(schema) or "", {})
    for field in _fields(within, before):
        inner = within["properties"][field.name.removeprefix(before)]
        deeper = [*_fields_within(inner, schemas, f"{field.name}.")] if field.is_required else []
        yield from deeper or [field]


def _fields(schema: Schema, before: str = "") -> Iterator[Field]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield _field(f"{before}{name}", each, each.get("description", ""), is_required=name in required)


def _field(name: str, schema: Schema, description: str, *, is_required: bool, place: str = "") -> Field:
    return Field(
        name=name,
        type=type_parts(schema),
        is_required=is_required,
        is_deprecated=schema.get("deprecated", False),
        description=description,
        limits=[*limits(schema)],
        place=place,
    )


def _parameter(parameter: Mapping[str, Any]) -> Field:
    return _field(
        parameter["name"],
        parameter["schema"],
        parameter.get("description", ""),
        is_required=parameter.get("required", False),
        place=parameter["in"],
    )


def _object(name: str, schema: Schema) -> DescribedObject:
    return DescribedObject(anchor(name), title(name), schema.get("description", ""), [*_fields(schema)])
