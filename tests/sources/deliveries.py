"""Heads of requests that push to a source, for tests that have no socket."""

from collections.abc import Mapping

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from tests.builders import NOW_MS

from dora_exporter.sources.contract import Delivery


def delivery_head(
    headers: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, str] | None = None,
    has_key: bool = False,
    received_ms: int = NOW_MS,
) -> Delivery:
    """A request with these headers; by default a stranger's."""
    return Delivery(
        headers=CIMultiDictProxy(CIMultiDict(headers or {})),
        query=MultiDict(query or {}),
        has_key=has_key,
        received_ms=received_ms,
    )
