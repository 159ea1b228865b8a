"""``GET /api``: the OpenAPI document, to be read by people."""

import asyncio
from collections.abc import Iterable
from functools import cache

from aiohttp import web

from dora_exporter.web.openapi import document
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.pages.api_reference import ApiReference, api_reference
from dora_exporter.web.pages.page import page
from dora_exporter.web.security.api_keys import Access

API = Operation(method="GET", path="/api", summary="Page: the API reference", is_text=True)


def routes(operations: Iterable[Operation], *, access: Access, url: str) -> list[web.RouteDef]:
    """The route of the page about these operations and ``/openapi.json``."""
    described = (*operations, document.OPERATION)

    @cache
    def reference(*, is_closed: bool) -> ApiReference:
        return api_reference(document.document(described, is_closed=is_closed, url=url))

    async def show(_: web.Request) -> web.Response:
        has_keys = access.is_closed
        return await page(
            "api.html", reference=await asyncio.to_thread(reference, is_closed=has_keys), has_keys=has_keys
        )

    return [web.get(API.path, show)]
