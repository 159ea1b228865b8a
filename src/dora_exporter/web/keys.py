"""``GET /api/v1/validate``: whether a key is valid."""

from aiohttp import web

from dora_exporter.web.access import Access, Right
from dora_exporter.web.answers import ValidAnswer
from dora_exporter.web.errors import as_json
from dora_exporter.web.operations import Operation

VALIDATE = Operation(method="GET", path="/api/v1/validate", summary="Check a key", right=Right.READ, answer=ValidAnswer)
OPERATIONS = (VALIDATE,)


def routes(*, access: Access) -> list[web.RouteDef]:
    """The route of the key check."""

    async def validate(_request: web.Request) -> web.Response:
        return as_json(ValidAnswer(valid=True))

    return [web.get(VALIDATE.path, access.reads(validate))]
