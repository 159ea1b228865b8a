"""``POST /webhooks/alertmanager``: what an Alertmanager notifies of."""

from aiohttp import web

from dora_exporter.runtime.clock import Clock
from dora_exporter.sources.alertmanager.source import Alertmanager
from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.polling import RunningSource, RunningSources
from dora_exporter.web.openapi.operation import Operation, Parameter
from dora_exporter.web.security.api_keys import Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.empty_answer import EmptyAnswer
from dora_exporter.web.server.errors import BadRequest, Forbidden, NotFound, as_json
from dora_exporter.web.webhooks.pagerduty import MayWrite

NOTIFY = Operation(
    method="POST",
    path="/webhooks/alertmanager",
    summary="Receive a notification from Alertmanager",
    right=Right.WRITE,
    parameters=(
        Parameter(
            name="source",
            description="The source that it is for; needed where there are several",
            schema={"type": "string"},
        ),
    ),
    answer=EmptyAnswer,
    refusals=(400, 404, 503),
)
OPERATIONS = (NOTIFY,)
_LARGEST_BODY = 16 * 1024 * 1024
_BODY_SECONDS = 30.0


def routes(*, sources: RunningSources, may_write: MayWrite, clock: Clock) -> list[web.RouteDef]:
    """The path. Alertmanager repeats what is answered 5xx, and drops what is answered 4xx."""

    async def receive(request: web.Request) -> web.Response:
        if not may_write(request):
            raise Forbidden("no valid key")
        running, source = _addressee(request)
        body = await request_body.read(request, limit=_LARGEST_BODY, seconds=_BODY_SECONDS)
        sink = sources.sink(running)
        try:
            await source.take(body, sink, now_ms=clock())
        except Unreadable as reason:
            raise BadRequest(str(reason)) from None
        finally:
            await sink.abandon()
        return as_json(EmptyAnswer())

    def _addressee(request: web.Request) -> tuple[RunningSource, Alertmanager]:
        """The source that ``?source=`` names, or the only one."""
        configured = sources.of_kind("alertmanager")
        name = request.query.get("source")
        named = [each for each in configured if name in (None, each.name)]
        if not named:
            raise NotFound("no source of this name and kind alertmanager is configured")
        if len(named) > 1:
            raise BadRequest("several sources of kind alertmanager are configured: select one with ?source=")
        source = named[0].source
        if not isinstance(source, Alertmanager):
            raise TypeError(f"the source {named[0].name} is not of kind alertmanager")
        return named[0], source

    return [web.post(NOTIFY.path, receive)]
