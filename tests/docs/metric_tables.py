"""The manual's tables of metrics, made from an exposition."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest

from dora_exporter.app.telemetry import DatabaseCollector
from dora_exporter.storage.postgresql.statistics import Statistics

_ALL_KNOWN = Statistics(position=1, head=1, rows_lost=0, last_write_ms=1, last_commit_seconds=1, unavailable_since_ms=1)

HEADING = ("name", "type", "labels", "per team", "meaning")
OWN_HEADING = ("name", "type", "labels", "meaning")

_OWN = "dora_exporter_"
_TEAM = "dora_team_"
_EVERYBODYS = ("process_", "python_")
_SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? \S+")
_LABEL = re.compile(r'(?:^|,)(\w+)="(?:[^"\\]|\\.)*"')


@dataclass
class Family:
    """What an exposition says about a family; no labels are known without a sample."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] | None = None


def families(exposition: str) -> dict[str, Family]:
    """The families by name, without those that every exporter in Python has."""
    found: dict[str, Family] = {}
    help_text = ""
    for line in exposition.splitlines():
        if line.startswith("# HELP "):
            help_text = line.split(" ", 3)[3]
        elif line.startswith("# TYPE "):
            name, type_ = line.split(" ")[2:]
            found[name] = Family(name, type_, help_text)
        elif sample := _SAMPLE.fullmatch(line):
            found[sample["name"]].labels = tuple(_LABEL.findall(sample["labels"] or ""))
    return {name: family for name, family in found.items() if not name.startswith(_EVERYBODYS)}


def rows(found: dict[str, Family]) -> list[tuple[str, ...]]:
    """The table of the families about services; those of teams are a column of it."""
    names = [name for name in found if not name.startswith((_OWN, _TEAM))]
    return [
        (f"`{name}`", found[name].type, _labels(found[name]), _team(name, found), _meaning(found[name]))
        for name in names
    ]


def own_rows(found: dict[str, Family]) -> list[tuple[str, ...]]:
    """The table of the families about the daemon."""
    own = [family for name, family in found.items() if name.startswith(_OWN)]
    return [(f"`{family.name}`", family.type, _labels(family), _meaning(family)) for family in own]


def database_rows() -> list[tuple[str, ...]]:
    """The table of the families that stand for those of the snapshot file where there is a database."""
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(lambda: _ALL_KNOWN, leads=lambda: True, replay_seconds=lambda: 1.0))
    return own_rows(families(generate_latest(registry).decode()))


def orphans(found: dict[str, Family]) -> list[str]:
    """Families of teams that no family of services explains."""
    return [name for name in found if name.startswith(_TEAM) and name.replace(_TEAM, "dora_", 1) not in found]


def unsampled(found: dict[str, Family]) -> Iterator[str]:
    """Families whose labels cannot be seen because they have no sample."""
    return (family.name for family in found.values() if family.labels is None)


def _team(name: str, found: dict[str, Family]) -> str:
    return "yes" if name.replace("dora_", _TEAM, 1) in found else ""


def _labels(family: Family) -> str:
    return ", ".join(_in_order(family.labels or ()))


def _in_order(labels: Iterable[str]) -> list[str]:
    """What the sample is about first, then the rest by name."""
    first = ("service", "environment", "window")
    return sorted(labels, key=lambda label: (first.index(label) if label in first else len(first), label))


def _meaning(family: Family) -> str:
    return family.help.replace("|", "\\|")
