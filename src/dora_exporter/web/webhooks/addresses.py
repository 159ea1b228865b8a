"""The paths that sources are pushed to, and the sources that each is for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from dora_exporter.sources.argocd.settings import ArgoCdSettings
from dora_exporter.sources.contract import SourceContext, Webhook
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.polling import RunningSource, RunningSources
from dora_exporter.sources.settings import SourceSettings
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.security.api_keys import Right
from dora_exporter.web.security.basic_auth import credentials
from dora_exporter.web.server.empty_answer import EmptyAnswer

PREFIX = "/webhooks/"
_DATADOG = "/api/v2/webhook"
_ALERTMANAGER = f"{PREFIX}alertmanager"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A path. Without a kind it ends with the name of a source; with one it is for all sources of the kind.

    ``implied`` are the settings of the source that stands in where none of the kind is configured. ``ambiguous`` is
    what a client is told that names none of several; without it the delivery is dropped with a log line, for senders
    that take an error badly. Where a request has a header of ``by_header``, that address takes this one's place.
    """

    operation: Operation
    kind: str | None = None
    implied: SourceSettings | None = None
    ambiguous: str | None = None
    by_header: Mapping[str, "Address"] = field(default_factory=dict)

    def chosen_by(self, request: web.Request) -> "Address":
        """This address, or the one that a header of the request asks for."""
        return next((each for name, each in self.by_header.items() if name in request.headers), self)


BY_NAME = Address(
    operation=Operation(
        method="POST",
        path=f"{PREFIX}{{source}}",
        summary="Receive what is pushed to the source of this name, as its kind says",
        right=Right.WRITE,
        answer=EmptyAnswer,
        refusals=(400, 404, 503),
    )
)
ALERTMANAGER = Address(
    operation=Operation(
        method="POST",
        path=_ALERTMANAGER,
        summary="Receive a notification from Alertmanager",
        right=Right.WRITE,
        parameters=(text_parameter("source", "The source that it is for; needed where there are several"),),
        answer=EmptyAnswer,
        refusals=(400, 404, 503),
    ),
    kind="alertmanager",
    ambiguous="several sources of kind alertmanager are configured: select one with ?source=",
)


def _datadog(path: str) -> Address:
    """The path that Datadog documents for all products: a header says which one notifies."""
    operation = Operation(
        method="POST",
        path=path,
        summary="Receive a v3 webhook event from PagerDuty; with DD-CD-PROVIDER-ARGOCD, a notification from Argo CD",
        right=Right.WRITE,
        status=HTTPStatus.ACCEPTED,
        answer=EmptyAnswer,
        refusals=(400, 503),
    )
    argocd = Address(
        operation=operation,
        kind="argocd",
        implied=ArgoCdSettings(),
        ambiguous=f"several sources of kind argocd are configured: notify {PREFIX}<source>",
    )
    return Address(
        operation=operation,
        kind="pagerduty",
        implied=PagerDutySettings(),
        by_header={"DD-CD-PROVIDER-ARGOCD": argocd},
    )


DATADOG = tuple(map(_datadog, (_DATADOG, f"{_DATADOG}/")))
ALL = (*DATADOG, ALERTMANAGER, BY_NAME)


def addressees(
    request: web.Request, address: Address, sources: RunningSources, context: Callable[[], SourceContext]
) -> list[RunningSource]:
    """The sources that a request may be for; all are a ``Webhook``."""
    found = [each for each in _addressees(request, address, sources) if isinstance(each.source, Webhook)]
    if not found and address.implied is not None and address.kind is not None:
        return [sources.implied(address.kind, address.implied, context())]
    return found


def webhook_of(running: RunningSource) -> Webhook:
    """The source as a ``Webhook``; only for sources that ``addressees`` returned."""
    if not isinstance(running.source, Webhook):
        raise TypeError(f"the source {running.name} accepts no webhook requests")
    return running.source


def _addressees(request: web.Request, address: Address, sources: RunningSources) -> Iterator[RunningSource]:
    if address.kind is None:
        named = sources.named(request.match_info["source"])
        yield from () if named is None else (named,)
    else:
        name = request.query.get("source") if address.ambiguous else None
        yield from (each for each in sources.of_kind(address.kind) if name in (None, each.name))


def proves_itself(request: web.Request) -> bool:
    """Whether no password is required, because the source checks a signature or token. A given one is checked."""
    path = request.path
    if path.rstrip("/") == _DATADOG:
        return True
    return path.startswith(PREFIX) and path != _ALERTMANAGER and credentials(request) is None
