"""A sender of JSON: its deliveries are read by the rules of its settings."""

from codecs import BOM_UTF8

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Check, Delivery, Ignored, Receipt, Sink, SourceContext, Unreadable
from dora_exporter.sources.http.pushed_settings import webhook_secrets_of
from dora_exporter.sources.push_only import PushOnly
from dora_exporter.sources.settings import fingerprint_of
from dora_exporter.sources.webhook.deployments import Deployments
from dora_exporter.sources.webhook.incidents import Incidents
from dora_exporter.sources.webhook.placing import Placing, Result
from dora_exporter.sources.webhook.reading import Head, read
from dora_exporter.sources.webhook.reports import DeploymentReport, IncidentReport, NotUnderstood
from dora_exporter.sources.webhook.settings import WebhookSettings
from dora_exporter.sources.webhook_signatures import api_key

_LARGEST_BODY = 256 * 1024
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization", "dd-api-key", "dd-application-key"}
_NO_MATCH = "no rule matches the body"


class JsonWebhook(PushOnly):
    """One sender. It is only pushed to."""

    def __init__(self, name: str, settings: WebhookSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its events."""
        super().__init__(fingerprint_of(settings, context.default_environment, tuning=()))
        self._settings = settings
        self._mapping = settings.mapping
        placing = Placing(name, settings, default_environment=context.default_environment)
        self._incidents = Incidents(placing)
        self._deployments = Deployments(placing)

    @property
    def body_limit(self) -> int:
        """As much as is decoded and read within milliseconds."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """By the scheme of the settings; without secrets by one of the daemon's keys."""
        verify = self._mapping.verify
        if not delivery.has_key and not verify.is_presented(delivery):
            return None
        secrets = await webhook_secrets_of(self._settings)
        return verify.check(delivery, secrets) if secrets else api_key(delivery)

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what the rules find. What they find nothing in is counted, and answered as the settings say."""
        try:
            decoded = msgspec.json.decode(body.removeprefix(BOM_UTF8))
        except FLAWS as reason:
            raise Unreadable(f"the body is not JSON: {reason}") from None
        reading = read(self._mapping, decoded, self._head(delivery), now_ms=delivery.received_ms)
        if reading.is_test:
            return Receipt("test", Ignored.TEST)
        for problem in reading.problems:
            sink.quarantine("", problem)
        if not reading.kinds:
            return Receipt("", Ignored.UNKNOWN_EVENT, _NO_MATCH, refused=self._mapping.unmatched != 200)  # noqa: PLR2004
        results = [
            result for each in reading.reports for result in await self._write(each, sink, now_ms=delivery.received_ms)
        ]
        await sink.flush()
        return _receipt(", ".join(reading.kinds), results)

    async def _write(self, seen: IncidentReport | DeploymentReport, sink: Sink, *, now_ms: int) -> list[Result]:
        """Nothing comes between what is looked up for an event and its write."""
        try:
            if isinstance(seen, IncidentReport):
                results = [self._incidents.result(seen, sink, now_ms=now_ms)]
            else:
                results = list(self._deployments.results(seen, sink, now_ms=now_ms))
        except NotUnderstood as reason:
            sink.quarantine(seen.id, str(reason))
            return []
        await sink.write([item for result in results for item in result.items])
        return results

    def _head(self, delivery: Delivery) -> Head:
        """What expressions may ask of the head: no secret."""
        secret = {*_SECRET_HEADERS, *self._mapping.verify.secret_names}
        headers = {name.lower(): _text(value) for name, value in delivery.headers.items()}
        return {
            "_headers": {name: value for name, value in headers.items() if name not in secret},
            "_query": {name: _text(value) for name, value in delivery.query.items() if name.lower() not in secret},
        }


def _text(value: str) -> str:
    """A value without bytes that are not UTF-8, which no event may have."""
    return value.encode("utf-8", "replace").decode()


def _receipt(kind: str, results: list[Result]) -> Receipt:
    """Why the first event counts nowhere, if none counts; the detail of it in any case."""
    ignored = [each for each in results if each.ignored is not None]
    detail = next((each.detail for each in results if each.detail), None)
    if ignored and len(ignored) == len(results):
        return Receipt(kind, ignored[0].ignored, detail)
    return Receipt(kind, None, detail)
