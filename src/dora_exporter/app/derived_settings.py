"""What follows from the settings for senders and for the numbers."""

from dora_exporter.app.catalogue_settings import catalogue
from dora_exporter.app.failure_rules import rules
from dora_exporter.app.group_settings import groups
from dora_exporter.app.settings import Settings
from dora_exporter.dora.metrics import ALL, BY_SEVERITY
from dora_exporter.dora.metrics.performance_level import performance_level
from dora_exporter.series.definitions import Definitions
from dora_exporter.web.server.limits import Rules


def rules_for_senders(settings: Settings) -> Rules:
    """What the settings allow senders."""
    return Rules(
        retention_ms=settings.retention.ms,
        default_environment=settings.default_environment,
        catalogue=catalogue(settings.services, settings.environments),
        max_body_bytes=settings.web.max_body_bytes,
    )


def definitions(settings: Settings) -> Definitions:
    """What the numbers depend on. Settings that define the same numbers give equal ones."""
    names = catalogue(settings.services, settings.environments)
    incidents = settings.incidents.rules()
    by_severity = BY_SEVERITY if incidents.know_severities else ()
    return Definitions(
        windows=tuple((window.text, window.ms) for window in settings.windows),
        retention_ms=settings.retention.ms,
        series_limit=settings.limits.series,
        attribution_limit_ms=settings.attribution_limit.ms if settings.attribution_limit else None,
        merge_within_ms=settings.merge_within.ms,
        rules=rules(settings.failures, names),
        catalogue=names,
        metrics=(*ALL, *by_severity, performance_level(settings.levels.edition)),
        incidents=incidents,
        teams=teams(settings),
        dimensions=settings.dimensions,
        values_limit=settings.limits.values,
        groups=groups(settings.groups, settings.services, names),
    )


def teams(settings: Settings) -> dict[str, str]:
    """The teams that are configured for services."""
    return {name: service.team for name, service in settings.services.items() if service.team}
