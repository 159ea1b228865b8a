"""The description of an API operation for the OpenAPI document: a table of them stands beside a module's routes."""

from dataclasses import dataclass
from types import GenericAlias, UnionType
from typing import Any

from dora_exporter.web.security.api_keys import Right

Shape = type | UnionType | GenericAlias
"""A type that msgspec can describe."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the query string."""

    name: str
    description: str
    schema: dict[str, Any]


def text_parameter(name: str, description: str, **schema: object) -> Parameter:
    """A parameter that is text; ``schema`` has what else its JSON schema says."""
    return Parameter(name=name, description=description, schema={"type": "string", **schema})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path. ``request`` and ``answer`` are the types of the bodies, None for none.

    ``right`` is the one that a key must give, None when no key is asked for. ``refusals`` are the statuses with an
    error body that it can have beside ``status``. ``is_lines`` says that ``request`` is what each line of the body is,
    ``is_text`` that it answers people or Prometheus, not in JSON.
    """

    method: str
    path: str
    summary: str
    right: Right | None = None
    parameters: tuple[Parameter, ...] = ()
    request: Shape | None = None
    is_lines: bool = False
    status: int = 200
    answer: Shape | None = None
    is_text: bool = False
    refusals: tuple[int, ...] = ()
    is_deprecated: bool = False
