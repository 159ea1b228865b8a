"""A Datadog that remembers deployments and traffic, and answers the two questions a poller asks it."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

Row = dict[str, Any]
Answer = Callable[[], web.Response]

MAXIMUM_LIMIT = 1000


@dataclass
class FakeDatadog:
    """Holds rows by id and minutes of traffic; ``faults`` answer the next requests in its stead.

    ``to`` is inclusive and there is no cursor, as in the real one. ``seen`` keeps each question it was asked.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    hits: dict[tuple[str, str, str], dict[int, float | None]] = field(default_factory=lambda: defaultdict(dict))
    faults: list[Answer] = field(default_factory=list)
    seen: list[Mapping[str, Any]] = field(default_factory=list)
    api_key: str = "api-key"
    app_key: str = "app-key"
    limit_ceiling: int = MAXIMUM_LIMIT
    before_answer: Callable[[], None] = lambda: None
    interval_ms: int = 60_000

    def application(self) -> web.Application:
        """What a test server serves."""
        application = web.Application()
        application.router.add_post("/api/v2/dora/deployments", self._list)
        application.router.add_post("/api/v2/query/timeseries", self._timeseries)
        return application

    def add(self, id_: str, started_at: str, **attributes: object) -> None:
        """Remembers a deployment found by APM, with what the test changes in it."""
        self.rows[id_] = {
            "service": "checkout",
            "env": "production",
            "version": "v1",
            "source": "apm_deployments",
            "started_at": started_at,
            "finished_at": started_at,
            "change_failure": None,
            **attributes,
        }

    def serve(self, service: str, environment: str, version: str, minutes: range, hits: float | None = 5) -> None:
        """Lets a version answer requests in the given minutes since the epoch."""
        self.hits[service, environment, version].update({minute * 60_000: hits for minute in minutes})

    async def _list(self, request: web.Request) -> web.Response:
        refused = await self._refusal(request)
        if refused:
            return refused
        body = self.seen[-1]["data"]
        asked = body["attributes"]
        if body.get("type") != "dora_deployments_list_request":
            return _bad_request(f'got type "{body.get("type")}" expected one of "dora_deployments_list_request"')
        if not all(isinstance(asked.get(bound), str) for bound in ("from", "to")):
            return _bad_request('error decoding attribute "from": invalid type number')
        if asked.get("limit", 10) > self.limit_ceiling:
            return _bad_request("limit too large")
        first, last = datetime.fromisoformat(asked["from"]), datetime.fromisoformat(asked["to"])
        matching: list[Row] = [
            {"id": id_, "type": "dora_deployment", "attributes": row}
            for id_, row in self.rows.items()
            if first <= datetime.fromisoformat(row["started_at"]) <= last and _matches(asked.get("query", "*"), row)
        ]
        matching.sort(key=lambda each: datetime.fromisoformat(self.rows[each["id"]]["started_at"]))
        if asked.get("sort", "").startswith("-"):
            matching.reverse()
        return web.json_response({"data": matching[: asked.get("limit", 10)]}, content_type="application/vnd.api+json")

    async def _timeseries(self, request: web.Request) -> web.Response:
        refused = await self._refusal(request)
        if refused:
            return refused
        asked = self.seen[-1]["data"]["attributes"]
        environment, keys = _scope(asked["queries"][0])
        step = max(self.interval_ms, asked["interval"])
        times = list(range(asked["from"], asked["to"], step))
        series, values = [], []
        for (service, env, version), hits in self.hits.items():
            points = [_summed(hits, time, step) for time in times]
            if environment in (env, None) and any(point is not None for point in points):
                tags = {"service": service, "env": env, "version": version}
                series.append({"group_tags": [f"{key}:{tags[key]}" for key in keys], "query_index": 0})
                values.append(points)
        answer = {"type": "timeseries_response", "attributes": {"series": series, "times": times, "values": values}}
        return web.json_response({"data": answer})

    async def _refusal(self, request: web.Request) -> web.Response | None:
        self.seen.append(await request.json())
        self.before_answer()
        if self.faults:
            return self.faults.pop(0)()
        keys = (request.headers.get("DD-API-KEY"), request.headers.get("DD-APPLICATION-KEY"))
        if keys != (self.api_key, self.app_key):
            return web.json_response({"errors": ["Forbidden"]}, status=403)
        return None


def _matches(query: str, row: Row) -> bool:
    terms = [term.split(":", 1) for term in query.split() if term != "*"]
    return all(str(row.get(key)) == value for key, value in terms)


def _scope(query: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The environment that a query asks for, and the tags it groups by."""
    if query["data_source"] == "apm_metrics":
        wanted, keys = str(query.get("query_filter", "")), list(query["group_by"])
    else:
        scope, _, grouping = query["query"].partition("} by {")
        wanted, keys = scope.partition("{")[2].split(",")[0], grouping.partition("}")[0].split(",")
    return (wanted.removeprefix("env:") if wanted.startswith("env:") and wanted != "env:*" else None), keys


def _summed(hits: Mapping[int, float | None], start: int, step: int) -> float | None:
    """The hits of a bucket, None when there is no point in it."""
    points = [hits[at] for at in range(start, start + step, 60_000) if at in hits]
    counted = [point for point in points if point is not None]
    return sum(counted) if counted else None


def _bad_request(detail: str) -> web.Response:
    return web.json_response({"errors": [{"status": "400", "title": "Bad Request", "detail": detail}]}, status=400)
