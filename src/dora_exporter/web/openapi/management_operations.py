"""The endpoints for people, Prometheus and orchestrators, as ``/openapi.json`` describes them."""

from dora_exporter.web.openapi.operation import Operation

OPERATIONS = (
    Operation(method="GET", path="/metrics", summary="The metrics, in Prometheus' formats", is_text=True),
    Operation(method="GET", path="/-/healthy", summary="Liveness: 200 while the daemon runs", is_text=True),
    Operation(
        method="GET",
        path="/-/ready",
        summary="Readiness: 503 while events are being loaded",
        is_text=True,
        refusals=(503,),
    ),
    *(
        Operation(
            method=method,
            path="/-/reload",
            summary="Reload the configuration, if web.enable_lifecycle is true",
            is_text=True,
            refusals=(403, 500),
        )
        for method in ("POST", "PUT")
    ),
)
