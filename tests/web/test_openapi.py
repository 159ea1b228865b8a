from tests.web.conftest import MakeApi
from tests.web.running import NOW, Api, Json, MemoryLog

from dora_exporter.dora.store import EventStore
from dora_exporter.web.application import EVENT_OPERATIONS, event_routes
from dora_exporter.web.openapi import management_operations
from dora_exporter.web.openapi.document import document
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.limits import CurrentRules


async def described(api: Api) -> Json:
    status, document = await api.send("GET", "/openapi.json")
    assert status == 200
    return document


def test_every_route_is_described_and_nothing_else() -> None:
    store = EventStore()
    routes = event_routes(
        store=store, log=MemoryLog(store.apply_all), clock=lambda: NOW, rules=CurrentRules(), access=Access()
    )
    served = sorted((route.method, route.path) for route in routes)
    assert served == sorted((operation.method, operation.path) for operation in EVENT_OPERATIONS)


async def test_the_description_has_the_shapes_and_their_limits(api: Api) -> None:
    document = await described(api)
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    given = schemas["GivenDeployment"]
    assert given["required"] == ["service", "started_at", "finished_at"]
    assert given["properties"]["service"] == {
        "type": "string",
        "description": "1 to 200 printable characters, but not `_other`.",
        "minLength": 1,
        "maxLength": 200,
    }
    assert given["properties"]["custom_tags"]["maxItems"] == 100


async def test_security_is_described_only_where_keys_are_asked_for(api: Api, make_api: MakeApi) -> None:
    open_path = (await described(api))["paths"]["/api/v1/validate"]["get"]
    assert "security" not in open_path
    assert [*open_path["responses"]] == ["200"]
    closed_path = (await described(await make_api(api_keys=["key"])))["paths"]["/api/v1/validate"]["get"]
    assert closed_path["security"] == [{"apiKey": []}, {"applicationKey": []}, {"bearer": []}]
    assert [*closed_path["responses"]] == ["200", "403"]


async def test_a_key_is_described_wherever_one_is_asked_for(make_api: MakeApi) -> None:
    closed = await make_api(api_keys=["key"])
    described_so = {
        (method.upper(), path)
        for path, methods in (await described(closed))["paths"].items()
        for method, operation in methods.items()
        if "security" in operation
    }
    refused = {
        (each.method, each.path)
        for each in EVENT_OPERATIONS
        if (await closed.send(each.method, each.path.replace("{id}", "x")))[0] == 403
    }
    assert described_so == refused


async def test_an_unknown_path_and_a_wrong_method_are_400_under_api(api: Api) -> None:
    for method, path in (("GET", "/api/v2/nothing"), ("GET", "/api/v2/dora/deployment"), ("OPTIONS", "/api/v1/events")):
        status, answer = await api.send(method, path)
        assert (status, answer["errors"][0]["title"]) == (400, "Bad Request")
    assert (await api.send("GET", "/api/v2/%ff%00/%F0%9F%92%A9"))[0] == 400


async def test_elsewhere_they_are_404_and_405(api: Api) -> None:
    assert (await api.send("GET", "/nothing"))[0] == 404
    assert (await api.send("POST", "/openapi.json"))[0] == 405


def test_pages_and_probes_can_be_described_too() -> None:
    described = document((*EVENT_OPERATIONS, *management_operations.OPERATIONS), is_closed=False)["paths"]
    assert described["/-/ready"]["get"]["responses"] == {
        "200": {"description": "Done"},
        "503": {"description": "Service Unavailable"},
    }
    assert described["/api/v1/events"]["post"]["requestBody"]["content"]["text/plain"]["schema"]["type"] == "string"
