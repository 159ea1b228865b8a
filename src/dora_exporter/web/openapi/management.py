"""The endpoints for people, Prometheus and orchestrators, as ``/openapi.json`` describes them."""

from dora_exporter.web.openapi.operation import Operation

OPERATIONS = (
    Operation(method="GET", path="/metrics", summary="The metrics, as Prometheus asks for them", is_text=True),
    Operation(method="GET", path="/-/healthy", summary="Whether the daemon runs", is_text=True),
    Operation(method="GET", path="/-/ready", summary="Whether all events are there", is_text=True, refusals=(503,)),
    *(
        Operation(
            method=method,
            path="/-/reload",
            summary="Read the configuration again, if that is allowed over HTTP",
            is_text=True,
            refusals=(403, 500),
        )
        for method in ("POST", "PUT")
    ),
)
