"""The dashboard of the daemon itself: is it well, what comes in, how its sources, its file and its repositories are."""

from grafana.generator import looks, units, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Column, Look, Panel, Query, lines, stat, table

_ITS = 'job=~"$job", instance=~"$instance"'
_DURATION = Look(units.DURATION)
_GOOD, _BAD = "green", "red"
_STATE = Look(texts={"1": ("up", _GOOD), "0": ("down", _BAD)})
_SETTINGS = Look(texts={"0": ("accepted", _GOOD), "1": ("refused", _BAD)})
_LOSS = Look(units.COUNT, 0, colours={1: "orange"})


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Exporter",
        "The daemon and its sources: is it well, what comes in, what is refused, how fast it is.",
        [
            Row("The daemon", [panel.sized(3, 4) for panel in _daemon()]),
            Row("Events", _events()),
            Row("Sources", [_sources(), *(panel.sized(8, 8) for panel in _upstreams())]),
            Row("The snapshot file", _snapshot()),
            Row("Commits", _commits()),
            Row("Scrapes and resources", _resources()),
        ],
        [
            variables.DATASOURCE,
            variables.labels(
                "job",
                "Job",
                "Of Prometheus' configuration.",
                "dora_exporter_build_info, job",
                **variables.several(".+"),
            ),
            variables.labels(
                "instance",
                "Instance",
                "One daemon, or all.",
                'dora_exporter_build_info{job=~"$job"}, instance',
                **variables.several(".+"),
            ),
            variables.EXPORTER_URL,
        ],
        links=[link("Sources", "${exporter_url}/sources")],
        since="now-6h",
        refresh="30s",
    )


def _of(metric: str, how: str = "max", by: str = "", more: str = "") -> str:
    matchers = ", ".join(filter(None, (_ITS, more)))
    return f"{how}{f' by ({by}) ' if by else ''}({metric}{{{matchers}}})"


def _increase(metric: str, by: str, function: str = "increase") -> str:
    return f"sum by ({by}) ({function}({metric}{{{_ITS}}}[$__rate_interval]))"


def _or_none(expression: str, label: str, name: str) -> str:
    """Shows a name with 0 where there is nothing of a kind, so that an empty panel always means a fault."""
    return f'{expression} or on () label_replace(vector(0), "{label}", "{name}", "", "")'


def _daemon() -> list[Panel]:
    folded = [
        Query(_of("dora_exporter_series_folded"), "series"),
        Query(_of("dora_exporter_teams_folded"), "teams"),
        Query(_of("dora_exporter_broken_series"), "broken"),
    ]
    started = Query(f"{_of('process_start_time_seconds')} * 1000")
    version = Query(_of("dora_exporter_build_info", by="version"), "{{version}}")
    return [
        _now("Scrape", "Whether Prometheus could read the daemon at the last scrape.", Query(_of("up", "min")), _STATE),
        _now("Version", "What is running.", version, Look(), shows="name"),
        _now("Started", "When the process started.", started, looks.SINCE),
        _now(
            "Snapshot",
            "Whether events can be made durable. While they cannot, senders get 503.",
            Query(_of("dora_exporter_snapshot_up", "min")),
            Look(texts={"1": ("durable", _GOOD), "0": ("failing", _BAD)}),
        ),
        _now(
            "Lost lines",
            "Lines of the snapshot file that could not be read at the start. The damaged file is kept.",
            Query(_of("dora_exporter_snapshot_lines_lost_total")),
            _LOSS,
        ),
        _now(
            "Configuration",
            "Whether the last reload of the configuration succeeded; otherwise the previous one stays in use.",
            Query(_of("dora_exporter_config_last_reload_successful", "min")),
            Look(texts={"1": ("good", _GOOD), "0": ("broken", _BAD)}),
        ),
        _now(
            "Series", "Pairs of service and environment with events.", Query(_of("dora_exporter_series")), looks.COUNT
        ),
        stat(
            "Folded or broken",
            "Series and teams beyond the limit, which are exposed together as _other; series and teams without gauges "
            "because of a defect.",
            *folded,
            look=_LOSS,
            graph=False,
            nothing="absent",
        ),
    ]


def _now(title: str, description: str, query: Query, look: Look, shows: str = "auto") -> Panel:
    return stat(title, description, query, look=look, graph=False, shows=shows, nothing="absent")


def _graph(
    title: str, description: str, *queries: Query, unit: str = units.COUNT, at_least: float = 1, many: bool = False
) -> Panel:
    decimals = 0 if unit == units.COUNT and not any("increase(" in query.expression for query in queries) else None
    return lines(title, description, *queries, look=Look(unit, decimals), at_least=at_least, many=many)


def _events() -> list[Panel]:
    writes = _increase("dora_exporter_events_total", "kind, source, outcome")
    attributes = _increase("dora_exporter_unknown_attributes_total", "attribute")
    names = _increase("dora_exporter_source_names_changed_total", "source, outcome")
    newest = f"(time() - {_of('dora_last_event_timestamp_seconds', by='source')}) / {units.HOUR_SECONDS}"
    return [
        _graph(
            "Writes of events",
            "What writes did in each step of the graph: created, updated, unchanged or deleted an event; by kind and "
            "source.",
            Query(writes, "{{kind}} from {{source}}: {{outcome}}"),
            at_least=4,
            many=True,
        ),
        _graph(
            "Refused",
            "Requests and lines with events that were refused, by reason. What is forbidden had no key or a wrong one; "
            "what is unavailable could not be made durable and will be sent again.",
            Query(_increase("dora_exporter_events_rejected_total", "reason"), "{{reason}}"),
            at_least=4,
            many=True,
        ),
        _graph(
            "Events held",
            "Deployments and incidents in memory; retention removes old ones.",
            Query(_of("dora_exporter_events_held", by="kind"), "{{kind}}"),
            at_least=10,
        ).sized(8, 8),
        _graph(
            "Newest event by source, in hours",
            "How long ago the latest deployment or incident of each source was. Where one grows without end, nobody "
            "sends any more.",
            Query(newest, "{{source}}"),
            unit=units.HOURS,
        ).sized(8, 8),
        _graph(
            "Commits left out of lead times",
            "Commits of held deployments that give no lead time, by cause.",
            Query(_of("dora_exporter_lead_time_commits_dropped", by="cause"), "dropped: {{cause}}"),
            Query(_of("dora_exporter_commits_left_out", by="cause"), "left out: {{cause}}"),
            at_least=4,
            many=True,
        ).sized(8, 8),
        _graph(
            "Unknown attributes",
            "Attributes of events that are not known and are ignored, by name: a misspelled one looks like this.",
            Query(_or_none(attributes, "attribute", "none"), "{{attribute}}"),
            at_least=4,
        ),
        _graph(
            "Names changed",
            "Names and texts of sources that were changed to fit the limits of events, by change: cut, control "
            "characters replaced, renamed.",
            Query(_or_none(names, "source", "none"), "{{source}} {{outcome}}"),
            at_least=4,
        ),
    ]


def _sources() -> Panel:
    def column(title: str, metric: str, look: Look, width: int = 105, how: str = "max") -> Column:
        expression = _of(f"dora_exporter_source_{metric}", how, "source")
        return Column(title, f"{expression} * 1000" if look is looks.SINCE else expression, look, width)

    opened = column("open incidents", "open_items", looks.COUNT)
    return table(
        "Sources",
        "The health of each source that is configured. A dash is what has not happened yet, or does not exist.",
        {"source": 130},
        [
            column("state", "up", _STATE, 70, "min"),
            column("settings", "misconfigured", _SETTINGS, 90),
            column("last good pass", "last_success_timestamp_seconds", looks.SINCE, 150),
            column("failures", "consecutive_failures", looks.COUNT, 80),
            column("last pass took", "pass_duration_seconds", _DURATION, 110),
            column("read up to", "cursor_timestamp_seconds", looks.SINCE, 150),
            Column(opened.title, _or_none(opened.expression, "source", "none configured"), looks.COUNT, 115),
            column("unmapped", "unmapped_services", looks.COUNT, 90),
            column("rate limit left", "ratelimit_remaining", looks.COUNT, 110, "min"),
            column("too many rows", "overflow_total", looks.COUNT, 120),
            column("ends clamped", "ends_clamped_total", looks.COUNT, 115),
        ],
        by="source",
        descending=False,
    ).sized(24, 7)


def _upstreams() -> list[Panel]:
    none = "none configured"
    requests = _increase("dora_exporter_source_requests_total", "source, outcome", "rate")
    items = _increase("dora_exporter_source_items_total", "source, outcome")
    throttled = _increase("dora_exporter_source_throttled_seconds_total", "source", "rate")
    return [
        _graph(
            "Requests to upstreams",
            "By outcome. Refused is a wrong key or URL, throttled is the upstream's rate limit.",
            Query(_or_none(requests, "source", none), "{{source}}: {{outcome}}"),
            unit="reqps",
            many=True,
        ),
        _graph(
            "Items from upstreams",
            "Items by result. Skipped ones are excluded by the settings, quarantined ones cannot be parsed.",
            Query(_or_none(items, "source", none), "{{source}}: {{outcome}}"),
            at_least=4,
            many=True,
        ),
        _graph(
            "Waiting for rate limits",
            "Share of the time spent waiting because of an upstream's rate limit.",
            Query(_or_none(throttled, "source", none), "{{source}}"),
            unit=units.RATIO,
            at_least=0.1,
            many=True,
        ),
    ]


def _snapshot() -> list[Panel]:
    written = _of("dora_exporter_snapshot_last_write_timestamp_seconds")
    compacted = _of("dora_exporter_snapshot_last_compaction_timestamp_seconds")
    return [
        _graph(
            "Size",
            "Size of the file; it falls when it is compacted.",
            Query(_of("dora_exporter_snapshot_size_bytes"), "size"),
            unit=units.BYTES,
            at_least=1_000_000,
        ).sized(8, 8),
        _graph(
            "Flush to disk",
            "How long the last flush took. Each write waits for one.",
            Query(_of("dora_exporter_snapshot_last_fsync_duration_seconds"), "flush"),
            unit=units.DURATION,
            at_least=0.01,
        ).sized(8, 8),
        stat(
            "Last write and compaction",
            "When events last became durable, and when the file was last compacted, if it was.",
            Query(f"{written} * 1000", "last write"),
            Query(f"{compacted} * 1000", "last compaction"),
            look=looks.SINCE,
            graph=False,
            nothing="not yet",
        ).sized(4, 8),
        stat(
            "Replay, compaction",
            "How long it took to read the file at the start, and to compact it, if it was.",
            Query(_of("dora_exporter_snapshot_replay_duration_seconds"), "replay"),
            Query(_of("dora_exporter_snapshot_last_compaction_duration_seconds"), "compaction"),
            look=_DURATION,
            graph=False,
            nothing="not yet",
        ).sized(4, 8),
    ]


def _commits() -> list[Panel]:
    def column(title: str, metric: str, look: Look, width: int = 100) -> Column:
        return Column(title, _of(f"dora_exporter_repository_{metric}", by="repository"), look, width)

    fetched = column("last fetch", "last_fetch_timestamp_seconds", looks.SINCE)
    size = column("size", "size_bytes", Look(units.BYTES))
    providers = _of("dora_exporter_pull_requests_misconfigured", by="provider")
    return [
        _graph(
            "Search for commits",
            "Deployments that name a commit: resolved, pending while it is not here yet, unknown when it was waited "
            "for in vain.",
            Query(_of("dora_exporter_commit_resolutions", by="state"), "{{state}}"),
            at_least=4,
        ).sized(6, 8),
        _graph(
            "Deployments without lead times",
            "By cause: the first of its series, a gap of more than 60 days before it, an unknown commit. Passed over "
            "are those whose commit stays unknown, whose commits count with the next.",
            Query(_of("dora_exporter_deployments_without_commits", by="cause"), "{{cause}}"),
            Query(_of("dora_exporter_deployments_passed_over"), "passed over"),
            at_least=4,
            many=True,
        ).sized(6, 8),
        table(
            "Repositories",
            "Those of the configuration: whether their credentials work, the last good fetch, failed fetches since the "
            "start, size on disk.",
            {"repository": 120},
            [
                column("settings", "misconfigured", _SETTINGS, 85),
                Column(fetched.title, f"{fetched.expression} * 1000", looks.SINCE, 145),
                column("failed", "fetch_errors_total", looks.COUNT, 65),
                Column(size.title, _or_none(size.expression, "repository", "none configured"), size.look, 80),
            ],
            by="repository",
            descending=False,
        ).sized(9, 8),
        _now(
            "Pull requests",
            "Whether the providers of pull requests take their tokens.",
            Query(_or_none(providers, "provider", "none configured"), "{{provider}}"),
            _SETTINGS,
        ).sized(3, 8),
    ]


def _resources() -> list[Panel]:
    cpu = f"rate(process_cpu_seconds_total{{{_ITS}}}[$__rate_interval])"
    dropped = _increase("dora_exporter_log_lines_dropped_total", "reason")
    panels = [
        _graph(
            "Duration of scrapes",
            "How long Prometheus waited.",
            Query(f"scrape_duration_seconds{{{_ITS}}}", "{{instance}}"),
            unit=units.DURATION,
            at_least=0.1,
        ),
        _graph(
            "Samples per scrape",
            "How many samples the daemon exposes.",
            Query(f"scrape_samples_scraped{{{_ITS}}}", "{{instance}}"),
            at_least=1000,
        ),
        _graph(
            "Memory",
            "Resident memory of the process.",
            Query(f"process_resident_memory_bytes{{{_ITS}}}", "{{instance}}"),
            unit=units.BYTES,
            at_least=100_000_000,
        ),
        _graph("CPU", "Share of one core that is used.", Query(cpu, "{{instance}}"), unit=units.RATIO, at_least=0.1),
        _graph(
            "Log lines dropped",
            "By reason: full, whatever reads the log is too slow; repeated, requests caused too many of a kind.",
            Query(dropped, "{{reason}}"),
            at_least=4,
        ),
    ]
    return [panel.sized(width, 8) for panel, width in zip(panels, (5, 5, 5, 5, 4), strict=True)]
