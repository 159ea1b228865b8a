"""The page that describes the API, and what it is made of."""

import pytest
from pytest_aiohttp import AiohttpClient
from tests.web.site import Site

from dora_exporter.web import pages
from dora_exporter.web.application import EVENT_OPERATIONS
from dora_exporter.web.openapi import management_operations
from dora_exporter.web.openapi.document import document
from dora_exporter.web.pages.api_reference import Endpoint, api_reference, prose
from dora_exporter.web.pages.schema_text import Schema, limits, type_parts

ALL = (*EVENT_OPERATIONS, *management_operations.OPERATIONS, *pages.OPERATIONS)


def endpoint(method: str, path: str) -> Endpoint:
    groups = api_reference(document(ALL, is_closed=True)).groups
    return next(each for group in groups.values() for each in group if (each.method, each.path) == (method, path))


async def test_every_operation_is_shown_with_its_summary(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site().start(aiohttp_client)).open("/api")

    assert page.status == 200
    for each in ALL:
        assert f"{each.method} {each.path} {each.summary.replace('`', '')}" in page.text
    assert "GET /openapi.json The API as an OpenAPI document" in page.text
    assert len(page.named("details")) == len(ALL) + 1


async def test_markup_of_descriptions_is_not_shown_raw(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site().start(aiohttp_client)).open("/api")

    assert "`" not in page.source
    assert "1 to 200 printable characters, but not _other ." in page.text
    assert "<code>_other</code>" in page.source


async def test_every_schema_that_is_named_is_there(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site().start(aiohttp_client)).open("/api")

    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    named = {(each["href"] or "")[1:] for each in page.named("a") if (each["href"] or "").startswith("#schema-")}
    assert "schema-GivenCommit" in named
    assert named <= ids
    assert {f"schema-{name}" for name in document(ALL, is_closed=False)["components"]["schemas"]} <= ids


async def test_keys_are_mentioned_where_they_are_configured(aiohttp_client: AiohttpClient) -> None:
    closed = await (await Site(api_keys=["s3cret"]).start(aiohttp_client)).open("/api")
    is_open = await (await Site().start(aiohttp_client)).open("/api")

    assert "GET /api/v1/validate Check a key key" in closed.text
    assert "DD-API-KEY , DD-APPLICATION-KEY , Authorization: Bearer" in closed.text
    assert "s3cret" not in closed.source
    assert "No API keys are configured" in is_open.text
    assert "DD-APPLICATION-KEY" not in is_open.text


def test_the_fields_of_a_request_are_named_by_their_place_in_the_body() -> None:
    request = endpoint("POST", "/api/v2/dora/deployment").request
    assert request is not None
    fields = {field.name: field for field in request.fields}

    assert fields["data.attributes.service"].is_required
    assert not fields["data.attributes.env"].is_required
    assert "data" not in fields
    assert "data.attributes.git.commit_sha" not in fields  # it may also be a list: its type leads to the schema


def test_a_bulk_request_leads_to_what_a_line_can_be() -> None:
    request = endpoint("POST", "/api/v1/events").request
    assert request is not None
    assert "".join(word.text for word in request.type) == "lines, each DeploymentLine or FailureLine"
    assert [word.anchor for word in request.type if word.anchor] == ["schema-DeploymentLine", "schema-FailureLine"]


def test_anchors_of_endpoints_differ() -> None:
    hooks = [{"operationId": each, "summary": "", "parameters": [], "responses": {}} for each in "ab"]
    given = {
        "paths": {"/api/v2/webhook": {"post": hooks[0]}, "/api/v2/webhook/": {"post": hooks[1]}},
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    both = api_reference(given).groups["API"]

    assert [each.anchor for each in both] == ["post-api-v2-webhook", "post-api-v2-webhook-"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"enum": ["deployment"]}, "string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "integer or string"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/a.b.Commit"}}, "list of Commit"),
        ({"type": "array"}, "list of anything"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object of integer"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({}, "anything"),
    ],
)
def test_a_type_is_told_in_words(schema: Schema, expected: str) -> None:
    assert "".join(word.text for word in type_parts(schema)) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, []),
        ({"enum": ["a", 1, None]}, ["one of `a`, `1`"]),
        ({"minLength": 1, "maxLength": 9}, ["1 to 9 characters"]),
        ({"maxLength": 9}, ["at most 9 characters"]),
        ({"minimum": 0}, ["at least 0"]),
        ({"maxItems": 5}, ["at most 5 items"]),
        ({"pattern": "^a$"}, ["matches `^a$`"]),
        ({"default": None}, []),
        ({"default": False}, ["`false` by default"]),
    ],
)
def test_limits_are_told_in_words(schema: Schema, expected: list[str]) -> None:
    assert [*limits(schema)] == expected


def test_prose_is_taken_apart_at_backticks_and_blank_lines() -> None:
    assert prose("The `env`, or ``team``.\n\nNo `end") == [
        [(False, "The "), (True, "env"), (False, ", or "), (True, "team"), (False, ".")],
        [(False, "No `end")],
    ]
