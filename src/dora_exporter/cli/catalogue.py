"""``dora-exporter catalogue suggest``: likely aliases of the names in the log, as settings."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

import yaml

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.settings import Settings
from dora_exporter.cli import log_access, options
from dora_exporter.cli.exit_codes import OK, ending
from dora_exporter.dora.catalogue.spellings import Spellings
from dora_exporter.dora.catalogue.suggestions import Suggestions, of_environments, of_services
from dora_exporter.dora.store import EventStore


def run(arguments: Sequence[str]) -> int:
    """Prints what may be configured; the exit code."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = options.parser(
        "catalogue",
        "Proposes aliases for services and environments that look like other spellings of one: by case, separators, "
        "-svc, and well-known names such as prod. It only reads the log, and may run beside the daemon. What the "
        "configuration already has is left out.",
        "catalogue suggest --config.file=config.yaml",
    )
    parser.add_argument("action", choices=["suggest"], help="print a proposal as YAML")
    options.add_event_log(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    settings = options.settings(arguments)
    sys.stdout.write(_proposal(settings))
    return OK


def _proposal(settings: Settings) -> str:
    """Settings in YAML; a remark where there is nothing to propose."""
    store = EventStore()
    for record in log_access.records(settings):
        store.apply(record)
    services: Counter[str] = Counter()
    environments: Counter[str] = Counter()
    for deployment in store.deployments.values():
        services[deployment.service] += 1
        environments[deployment.environment] += 1
    for incident in store.incidents.values():
        services.update(incident.services)
        environments[incident.environment] += 1
    catalogue = definitions(settings).catalogue
    found = {
        "services": of_services(services, Spellings(catalogue.services)),
        "environments": of_environments(environments, Spellings(catalogue.environments)),
    }
    said = {kind: _entries(suggestions) for kind, suggestions in found.items() if suggestions}
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True) if said else "# no two names look alike\n"


def _entries(suggestions: Suggestions) -> dict[str, dict[str, list[str]]]:
    return {name: {"aliases": others} for name, others in suggestions.items()}
