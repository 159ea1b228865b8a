"""``GET /explain``: the explanation of a number, to be read by people."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from dora_exporter.explanation import METRICS, WhyUnknown, add_unknown, explain
from dora_exporter.readings import Readings
from dora_exporter.web.operations import Operation, Parameter
from dora_exporter.web.pages.all_series import usual_window
from dora_exporter.web.pages.one_series import PARAMETERS, UNKNOWN, asked_series, places
from dora_exporter.web.pages.page import page, refusal

LARGEST_LIST = 200
_SUMS = {
    "dora_deployment_frequency_per_day": "{deployments:,} deployments in {days:g} days.",
    "dora_change_failure_rate": "{failed:,} of {deployments:,} deployments failed.",
    "dora_deployment_rework_rate": "{rework:,} of {deployments:,} deployments were rework.",
    "dora_change_lead_time_seconds": "Over {commits:,} commits that were shipped first by {deployments:,} deployments.",
    "dora_time_to_restore_seconds": "Over {restored:,} resolved incidents.",
    "dora_failed_deployment_recovery_time_seconds": "Over {recovered:,} failed deployments that were remedied.",
}
"""How the numbers that are read most come about."""
WHY = Operation(
    method="GET",
    path="/explain",
    summary="A page that explains a number",
    parameters=(
        *PARAMETERS,
        Parameter(name="metric", description="The gauge.", schema={"type": "string", "enum": sorted(METRICS)}),
        Parameter(
            name="window",
            description="The window, as configured; the one nearest to 30 days by default.",
            schema={"type": "string"},
        ),
    ),
    is_text=True,
    refusals=(400, 404),
)


def routes(*, readings: Callable[[], Awaitable[Readings]], why_unknown: WhyUnknown) -> list[web.RouteDef]:
    """The route of the page."""

    async def show(request: web.Request) -> web.Response:
        metric = METRICS.get(request.query.get("metric", "dora_change_failure_rate"))
        if metric is None:
            return await refusal(400, "This number is unknown, or cannot be explained.")
        current = await readings()
        windows = {window.text: window for window in current.windows()}
        window = windows.get(request.query.get("window", usual_window([*windows.values()]).text))
        if window is None:
            return await refusal(400, "This window is not configured.")
        series = asked_series(request)
        timeline, group = current.timeline(series), current.tallies.series.get(series)
        if timeline is None or group is None:
            return await refusal(404, UNKNOWN)
        explanation = await explain(timeline, group.history, metric, window)
        add_unknown(explanation, why_unknown)
        numbers = explanation.numbers()
        return await page(
            "why.html",
            series=series,
            window=window,
            windows=[*windows],
            metrics=sorted(METRICS),
            explanation=explanation,
            numbers=numbers,
            sum=_SUMS.get(metric.name, "").format(days=window.days, **numbers),
            most=LARGEST_LIST,
            now_ms=window.end_ms,
            places=places([each.deployment.id for each in explanation.deployments[:LARGEST_LIST]], "deployment"),
            incident_places=places([each.incident.id for each in explanation.incidents[:LARGEST_LIST]], "incident"),
        )

    return [web.get(WHY.path, show)]
