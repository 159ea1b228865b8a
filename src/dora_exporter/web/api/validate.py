"""``GET /api/v1/validate``: whether a key is valid."""

from aiohttp import web

from dora_exporter.web.api.schema.responses import ValidAnswer
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server.errors import as_json

VALIDATE = Operation(method="GET", path="/api/v1/validate", summary="Check a key", right=Right.READ, answer=ValidAnswer)
OPERATIONS = (VALIDATE,)


def routes(*, access: Access) -> list[web.RouteDef]:
    """The route of the key check."""

    async def validate(_request: web.Request) -> web.Response:
        return as_json(ValidAnswer(valid=True))

    return [web.get(VALIDATE.path, access.reads(validate))]
