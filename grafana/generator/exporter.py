"""The dashboard of the daemon itself: is it well, what comes in, how its sources, its file and its repositories are."""

from grafana.generator import daemon, looks, units, upstreams, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Look, Panel, Query, stat

_LOSS = Look(units.COUNT, 0, colours={1: "orange"})


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Exporter",
        "The daemon and its sources: is it well, what comes in, what is refused, how fast it is.",
        [
            Row("The daemon", [panel.sized(3, 4) for panel in (*_daemon(), *_series())]),
            Row("Events", _events()),
            Row("Sources", [upstreams.sources(), *upstreams.requests()]),
            Row("The snapshot file", _snapshot()),
            Row("Commits", upstreams.commits()),
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


def _daemon() -> list[Panel]:
    started = Query(f"{daemon.of('process_start_time_seconds')} * 1000")
    version = Query(daemon.of("dora_exporter_build_info", by="version"), "{{version}}")
    return [
        daemon.now(
            "Scrape",
            "Whether Prometheus could read the daemon at the last scrape.",
            Query(daemon.of("up", "min")),
            daemon.STATE,
        ),
        daemon.now("Version", "What is running.", version, Look(), shows="name"),
        daemon.now("Started", "When the process started.", started, looks.SINCE),
        daemon.now(
            "Snapshot",
            "Whether events can be made durable. While they cannot, senders get 503.",
            Query(daemon.of("dora_exporter_snapshot_up", "min")),
            Look(texts={"1": ("durable", daemon.GOOD), "0": ("failing", daemon.BAD)}),
        ),
        daemon.now(
            "Lost lines",
            "Lines of the snapshot file that could not be read at the start. The damaged file is kept.",
            Query(daemon.of("dora_exporter_snapshot_lines_lost_total")),
            _LOSS,
        ),
        daemon.now(
            "Configuration",
            "Whether the last reload of the configuration succeeded; otherwise the previous one stays in use.",
            Query(daemon.of("dora_exporter_config_last_reload_successful", "min")),
            Look(texts={"1": ("good", daemon.GOOD), "0": ("broken", daemon.BAD)}),
        ),
    ]


def _series() -> list[Panel]:
    folded = [
        Query(daemon.of("dora_exporter_series_folded"), "series"),
        Query(daemon.of("dora_exporter_teams_folded"), "teams"),
        Query(daemon.of("dora_exporter_broken_series"), "broken"),
    ]
    return [
        daemon.now(
            "Series",
            "Pairs of service and environment with events.",
            Query(daemon.of("dora_exporter_series")),
            looks.COUNT,
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


def _events() -> list[Panel]:
    return [*_writes(), *(panel.sized(8, 8) for panel in _held()), *_misspelled()]


def _writes() -> list[Panel]:
    writes = daemon.increase("dora_exporter_events_total", "kind, source, outcome")
    return [
        daemon.graph(
            "Writes of events",
            "What writes did in each step of the graph: created, updated, unchanged or deleted an event; by kind and "
            "source.",
            Query(writes, "{{kind}} from {{source}}: {{outcome}}"),
            at_least=4,
            many=True,
        ),
        daemon.graph(
            "Refused",
            "Requests and lines with events that were refused, by reason. What is forbidden had no key or a wrong one; "
            "what is unavailable could not be made durable and will be sent again.",
            Query(daemon.increase("dora_exporter_events_rejected_total", "reason"), "{{reason}}"),
            at_least=4,
            many=True,
        ),
    ]


def _held() -> list[Panel]:
    newest = f"(time() - {daemon.of('dora_last_event_timestamp_seconds', by='source')}) / {units.HOUR_SECONDS}"
    return [
        daemon.graph(
            "Events held",
            "Deployments and incidents in memory; retention removes old ones.",
            Query(daemon.of("dora_exporter_events_held", by="kind"), "{{kind}}"),
            at_least=10,
        ),
        daemon.graph(
            "Newest event by source, in hours",
            "How long ago the latest deployment or incident of each source was. Where one grows without end, nobody "
            "sends any more.",
            Query(newest, "{{source}}"),
            unit=units.HOURS,
        ),
        daemon.graph(
            "Commits left out of lead times",
            "Commits of held deployments that give no lead time, by cause.",
            Query(daemon.of("dora_exporter_lead_time_commits_dropped", by="cause"), "dropped: {{cause}}"),
            Query(daemon.of("dora_exporter_commits_left_out", by="cause"), "left out: {{cause}}"),
            at_least=4,
            many=True,
        ),
    ]


def _misspelled() -> list[Panel]:
    attributes = daemon.increase("dora_exporter_unknown_attributes_total", "attribute")
    names = daemon.increase("dora_exporter_source_names_changed_total", "source, outcome")
    return [
        daemon.graph(
            "Unknown attributes",
            "Attributes of events that are not known and are ignored, by name: a misspelled one looks like this.",
            Query(daemon.or_none(attributes, "attribute", "none"), "{{attribute}}"),
            at_least=4,
        ),
        daemon.graph(
            "Names changed",
            "Names and texts of sources that were changed to fit the limits of events, by change: cut, control "
            "characters replaced, renamed.",
            Query(daemon.or_none(names, "source", "none"), "{{source}} {{outcome}}"),
            at_least=4,
        ),
    ]


def _snapshot() -> list[Panel]:
    written = daemon.of("dora_exporter_snapshot_last_write_timestamp_seconds")
    compacted = daemon.of("dora_exporter_snapshot_last_compaction_timestamp_seconds")
    return [
        daemon.graph(
            "Size",
            "Size of the file; it falls when it is compacted.",
            Query(daemon.of("dora_exporter_snapshot_size_bytes"), "size"),
            unit=units.BYTES,
            at_least=1_000_000,
        ).sized(8, 8),
        daemon.graph(
            "Flush to disk",
            "How long the last flush took. Each write waits for one.",
            Query(daemon.of("dora_exporter_snapshot_last_fsync_duration_seconds"), "flush"),
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
            Query(daemon.of("dora_exporter_snapshot_replay_duration_seconds"), "replay"),
            Query(daemon.of("dora_exporter_snapshot_last_compaction_duration_seconds"), "compaction"),
            look=daemon.DURATION,
            graph=False,
            nothing="not yet",
        ).sized(4, 8),
    ]


def _resources() -> list[Panel]:
    cpu = f"rate(process_cpu_seconds_total{{{daemon.ITS}}}[$__rate_interval])"
    dropped = daemon.increase("dora_exporter_log_lines_dropped_total", "reason")
    panels = [
        daemon.graph(
            "Duration of scrapes",
            "How long Prometheus waited.",
            Query(f"scrape_duration_seconds{{{daemon.ITS}}}", "{{instance}}"),
            unit=units.DURATION,
            at_least=0.1,
        ),
        daemon.graph(
            "Samples per scrape",
            "How many samples the daemon exposes.",
            Query(f"scrape_samples_scraped{{{daemon.ITS}}}", "{{instance}}"),
            at_least=1000,
        ),
        daemon.graph(
            "Memory",
            "Resident memory of the process.",
            Query(f"process_resident_memory_bytes{{{daemon.ITS}}}", "{{instance}}"),
            unit=units.BYTES,
            at_least=100_000_000,
        ),
        daemon.graph(
            "CPU", "Share of one core that is used.", Query(cpu, "{{instance}}"), unit=units.RATIO, at_least=0.1
        ),
        daemon.graph(
            "Log lines dropped",
            "By reason: full, whatever reads the log is too slow; repeated, requests caused too many of a kind.",
            Query(dropped, "{{reason}}"),
            at_least=4,
        ),
    ]
    return [panel.sized(width, 8) for panel, width in zip(panels, (5, 5, 5, 5, 4), strict=True)]
