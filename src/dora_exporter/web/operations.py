"""What a path and method of the API do, for the OpenAPI document: the table that stands beside a module's routes."""

from dataclasses import dataclass
from types import GenericAlias, UnionType
from typing import Any

from dora_exporter.web.access import Right

JSON = "application/json"

Shape = type | UnionType | GenericAlias
"""A type that msgspec can describe."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the query string."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path. ``request`` and ``answer`` are the types of the bodies, None for none.

    ``right`` is the one that a key must give, None when no key is asked for. ``refusals`` are the statuses with an
    error body that it can have beside ``status``.
    """

    method: str
    path: str
    summary: str
    right: Right | None = None
    parameters: tuple[Parameter, ...] = ()
    request: Shape | None = None
    request_media_type: str = JSON
    status: int = 200
    answer: Shape | None = None
    answer_media_type: str = JSON
    refusals: tuple[int, ...] = ()
    is_deprecated: bool = False
