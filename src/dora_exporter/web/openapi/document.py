"""``GET /openapi.json``: the description of the HTTP surface, made from the structs that are parsed and answered."""

import asyncio
import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

import dora_exporter
from dora_exporter.web.openapi.operation import Operation, Shape
from dora_exporter.web.security.api_keys import API_KEY_HEADER, APPLICATION_KEY_HEADER, Access
from dora_exporter.web.server.errors import Problems, Words

JSON = "application/json"

_IN_PATH = re.compile(r"\{(\w+)\}")
_SCHEMES: dict[str, Any] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
    "applicationKey": {"type": "apiKey", "in": "header", "name": APPLICATION_KEY_HEADER},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_INFO = {
    "title": "dora-exporter",
    "summary": "Deployment and incident events in, DORA metrics out.",
    "version": dora_exporter.__version__,
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

OPERATION = Operation(
    method="GET", path="/openapi.json", summary="The API as an OpenAPI document", answer=dict[str, Any]
)


def routes(operations: Iterable[Operation], *, access: Access, url: str = "") -> list[web.RouteDef]:
    """The route of the description of what is served at ``url``, by default at the root of where it is read."""
    described = (*operations, OPERATION)

    @cache
    def encoded(*, is_closed: bool) -> bytes:
        return msgspec.json.encode(document(described, is_closed=is_closed, url=url))

    async def describe(_request: web.Request) -> web.Response:
        body = await asyncio.to_thread(encoded, is_closed=access.is_closed)
        return web.Response(body=body, content_type=JSON)

    return [web.get(OPERATION.path, describe)]


def document(operations: Iterable[Operation], *, is_closed: bool, url: str = "") -> dict[str, Any]:
    """The OpenAPI 3.1 document; ``is_closed`` says whether keys are asked for, ``url`` where all that is served."""
    operations = tuple(operations)
    writer = _Writer(operations, is_closed=is_closed)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = writer.operation(operation)
    components = {"schemas": writer.components, "securitySchemes": _SCHEMES}
    servers = {"servers": [{"url": url}]} if url else {}
    return {"openapi": "3.1.0", "info": _INFO, **servers, "paths": paths, "components": components}


class _Writer:
    """Describes operations one by one; they share the schemas of their types."""

    def __init__(self, operations: Iterable[Operation], *, is_closed: bool) -> None:
        bodies = [body for operation in operations for body in (operation.request, operation.answer)]
        types = [*(body for body in bodies if body is not None), Problems, Words]
        schemas, self.components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
        self._schemas = [(each, schema) for each, schema in zip(types, schemas, strict=True)]
        self._is_closed = is_closed

    def operation(self, operation: Operation) -> dict[str, Any]:
        """One method of a path."""
        statuses = {*operation.refusals, *((403,) if operation.right and self._is_closed else ())}
        described: dict[str, Any] = {
            "operationId": f"{operation.method} {operation.path}",
            "summary": operation.summary,
            "parameters": [*_path_parameters(operation.path), *_query_parameters(operation)],
            "responses": {
                str(operation.status): _body(JSON, self._schema(operation.answer), "Done"),
                **{str(status): self._refusal(operation, status) for status in sorted(statuses)},
            },
        }
        if operation.request is not None:
            described["requestBody"] = self._request(operation)
        if operation.right is not None and self._is_closed:
            described["security"] = [{name: []} for name in _SCHEMES]
        if operation.is_deprecated:
            described["deprecated"] = True
        return described

    def _request(self, operation: Operation) -> dict[str, Any]:
        schema = self._schema(operation.request)
        if operation.is_lines:
            lines = {"type": "string", "contentMediaType": "application/x-ndjson", "contentSchema": schema}
            return _body("text/plain", lines, "One JSON object a line")
        return {**_body(JSON, schema, "What is sent"), "required": True}

    def _schema(self, body: Shape | None) -> dict[str, Any] | None:
        return next((schema for each, schema in self._schemas if each is body), None)

    def _refusal(self, operation: Operation, status: int) -> dict[str, Any]:
        shape = Words if status == HTTPStatus.FORBIDDEN else Problems
        return _body(JSON, None if operation.is_text else self._schema(shape), HTTPStatus(status).phrase)


def _body(media_type: str, schema: dict[str, Any] | None, description: str) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in _IN_PATH.findall(path)]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "in": "query", "description": each.description, "schema": each.schema}
        for each in operation.parameters
    ]
