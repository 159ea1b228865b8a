"""A Prometheus that answers range queries from samples it is given, and fails on demand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MAXIMUM_POINTS = 11_000


@dataclass
class FakePrometheus:
    """Holds series as label sets with the seconds at which they have a sample; ``faults`` answer in its stead.

    A series stays visible for five minutes after its last sample, as in the real one. ``seen`` keeps each query;
    ``beside`` is what answers say beside their data.
    """

    series: list[tuple[Mapping[str, str], Mapping[int, str]]] = field(default_factory=list)
    faults: list[Callable[[], web.Response]] = field(default_factory=list)
    seen: list[Mapping[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)
    lookback: int = 0

    def application(self) -> web.Application:
        """What a test server serves."""
        application = web.Application()
        application.router.add_post("/api/v1/query_range", self._query_range)
        return application

    def expose(self, labels: Mapping[str, str], seconds: range, value: str = "1") -> None:
        """Lets a series have a sample at each of the given seconds since the epoch."""
        self.series.append((labels, dict.fromkeys(seconds, value)))

    async def _query_range(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = {key: str(value) for key, value in form.items()}
        self.seen.append(asked)
        self.headers.append(dict(request.headers))
        if self.faults:
            return self.faults.pop(0)()
        start, end, step = (int(float(asked[name])) for name in ("start", "end", "step"))
        if (end - start) // step + 1 > MAXIMUM_POINTS:
            error = "exceeded maximum resolution of 11,000 points per timeseries."
            return web.json_response({"status": "error", "errorType": "bad_data", "error": error}, status=400)
        result = []
        for labels, samples in self.series:
            values = [[at, value] for at in range(start, end + 1, step) if (value := self._at(samples, at, step))]
            if values:
                result.append({"metric": labels, "values": values})
        answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return web.json_response({**answer, **self.beside})

    def _at(self, samples: Mapping[int, str], at: int, step: int) -> str | None:
        visible = (second for second in range(at, at - max(self.lookback, step), -1) if second in samples)
        newest = next(visible, None)
        return None if newest is None else samples[newest]
