"""The panels of what the daemon asks others for: sources, repositories and pull requests."""

from grafana.generator import daemon, looks, units
from grafana.generator.panels import Column, Look, Panel, Query, table


def sources() -> Panel:
    """The health of each source."""

    def column(title: str, metric: str, look: Look, width: int = 105, how: str = "max") -> Column:
        expression = daemon.of(f"dora_exporter_source_{metric}", how, "source")
        return Column(title, f"{expression} * 1000" if look is looks.SINCE else expression, look, width)

    opened = column("open incidents", "open_items", looks.COUNT)
    return table(
        "Sources",
        "The health of each source that is configured. A dash is what has not happened yet, or does not exist.",
        {"source": 130},
        [
            column("state", "up", daemon.STATE, 70, "min"),
            column("settings", "misconfigured", daemon.SETTINGS, 90),
            column("last good pass", "last_success_timestamp_seconds", looks.SINCE, 150),
            column("failures", "consecutive_failures", looks.COUNT, 80),
            column("last pass took", "pass_duration_seconds", daemon.DURATION, 110),
            column("read up to", "cursor_timestamp_seconds", looks.SINCE, 150),
            Column(opened.title, daemon.or_none(opened.expression, "source", "none configured"), looks.COUNT, 115),
            column("unmapped", "unmapped_services", looks.COUNT, 90),
            column("rate limit left", "ratelimit_remaining", looks.COUNT, 110, "min"),
            column("too many rows", "overflow_total", looks.COUNT, 120),
            column("ends clamped", "ends_clamped_total", looks.COUNT, 115),
        ],
        by="source",
        descending=False,
    ).sized(24, 7)


def requests() -> list[Panel]:
    """What is asked of the upstreams of sources, and what they answer."""
    none = "none configured"
    asked = daemon.increase("dora_exporter_source_requests_total", "source, outcome", "rate")
    items = daemon.increase("dora_exporter_source_items_total", "source, outcome")
    throttled = daemon.increase("dora_exporter_source_throttled_seconds_total", "source", "rate")
    panels = [
        daemon.graph(
            "Requests to upstreams",
            "By outcome. Refused is a wrong key or URL, throttled is the upstream's rate limit.",
            Query(daemon.or_none(asked, "source", none), "{{source}}: {{outcome}}"),
            unit="reqps",
            many=True,
        ),
        daemon.graph(
            "Items from upstreams",
            "Items by result. Skipped ones are excluded by the settings, quarantined ones cannot be parsed.",
            Query(daemon.or_none(items, "source", none), "{{source}}: {{outcome}}"),
            at_least=4,
            many=True,
        ),
        daemon.graph(
            "Waiting for rate limits",
            "Share of the time spent waiting because of an upstream's rate limit.",
            Query(daemon.or_none(throttled, "source", none), "{{source}}"),
            unit=units.RATIO,
            at_least=0.1,
            many=True,
        ),
    ]
    return [panel.sized(8, 8) for panel in panels]


def commits() -> list[Panel]:
    """How commits are found: in repositories, and by pull requests."""
    providers = daemon.of("dora_exporter_pull_requests_misconfigured", by="provider")
    return [
        daemon.graph(
            "Search for commits",
            "Deployments that name a commit: resolved, pending while it is not here yet, unknown when it was waited "
            "for in vain.",
            Query(daemon.of("dora_exporter_commit_resolutions", by="state"), "{{state}}"),
            at_least=4,
        ).sized(6, 8),
        daemon.graph(
            "Deployments without lead times",
            "By cause: the first of its series, a gap of more than 60 days before it, an unknown commit. Passed over "
            "are those whose commit stays unknown, whose commits count with the next.",
            Query(daemon.of("dora_exporter_deployments_without_commits", by="cause"), "{{cause}}"),
            Query(daemon.of("dora_exporter_deployments_passed_over"), "passed over"),
            at_least=4,
            many=True,
        ).sized(6, 8),
        _repositories(),
        daemon.now(
            "Pull requests",
            "Whether the providers of pull requests take their tokens.",
            Query(daemon.or_none(providers, "provider", "none configured"), "{{provider}}"),
            daemon.SETTINGS,
        ).sized(3, 8),
    ]


def _repositories() -> Panel:
    def column(title: str, metric: str, look: Look, width: int = 100) -> Column:
        return Column(title, daemon.of(f"dora_exporter_repository_{metric}", by="repository"), look, width)

    fetched = column("last fetch", "last_fetch_timestamp_seconds", looks.SINCE)
    size = column("size", "size_bytes", Look(units.BYTES))
    return table(
        "Repositories",
        "Those of the configuration: whether their credentials work, the last good fetch, failed fetches since the "
        "start, size on disk.",
        {"repository": 120},
        [
            column("settings", "misconfigured", daemon.SETTINGS, 85),
            Column(fetched.title, f"{fetched.expression} * 1000", looks.SINCE, 145),
            column("failed", "fetch_errors_total", looks.COUNT, 65),
            Column(size.title, daemon.or_none(size.expression, "repository", "none configured"), size.look, 80),
        ],
        by="repository",
        descending=False,
    ).sized(9, 8)
