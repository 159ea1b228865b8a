"""Which incidents count, how severe they are, and which of them are one: as the documentation says it."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from tests.oracle.living import is_open

from dora_exporter.dora.events import Incident
from dora_exporter.dora.incident_rules import IncidentRules


@dataclass(frozen=True, eq=False)
class Outage:
    """What counts as one incident: the first of those that are one, with the end of the last; and its severity."""

    incident: Incident
    severity: str | None


def counting(begun: Sequence[Incident], now_ms: int, rules: IncidentRules) -> list[Outage]:
    """What the incidents that have begun amount to."""
    wanted = [each for each in begun if _number(each, rules) in {None, *rules.counted}]
    found = []
    for chain in _chains(wanted, now_ms, rules.reopened_within_ms):
        first, last = chain[0], chain[-1]
        ended = last.finished_at is not None and not is_open(last, now_ms)
        if ended and (last.finished_at or 0) - first.started_at < rules.minimum_ms:
            continue
        found.append(Outage(replace(first, finished_at=last.finished_at), _severity(chain, rules)))
    return found


def _chains(incidents: Sequence[Incident], now_ms: int, within_ms: int | None) -> list[list[Incident]]:
    chains: list[list[Incident]] = []
    for each in sorted(incidents, key=lambda one: (one.started_at, one.id)):
        before = [
            chain
            for chain in chains
            if within_ms is not None
            and _are_alike(chain[0], each)
            and not is_open(chain[-1], now_ms)
            and 0 <= each.started_at - (chain[-1].finished_at or 0) <= within_ms
        ]
        if before:
            max(before, key=lambda chain: (chain[-1].finished_at, chain[-1].started_at, chain[-1].id)).append(each)
        else:
            chains.append([each])
    return chains


def _are_alike(one: Incident, other: Incident) -> bool:
    same_services = set(one.services) == set(other.services)
    return same_services and (one.environment, one.team) == (other.environment, other.team)


def _number(incident: Incident, rules: IncidentRules) -> int | None:
    for spelling, number in rules.severities.items():
        if incident.severity is not None and incident.severity.lower() == spelling:
            return number
    return rules.unknown_severity


def _severity(chain: Sequence[Incident], rules: IncidentRules) -> str | None:
    if not rules.severities and rules.unknown_severity is None:
        return None
    numbers = [number for number in (_number(each, rules) for each in chain) if number is not None]
    return str(min(numbers)) if numbers else "none"
