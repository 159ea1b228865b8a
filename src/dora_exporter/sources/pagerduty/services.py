"""The names of PagerDuty's services, as last received."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dora_exporter.sources.contract import Memory
from dora_exporter.sources.pagerduty.rows import Reference


class Known(NamedTuple):
    """A service's name and page, as they were at a moment in milliseconds. A deleted one may have neither."""

    name: str | None
    url: str | None
    at_ms: int


@dataclass
class Services:
    """Every service that was met. ``renamed`` are those whose name changed and whose incidents do not show it yet."""

    known: dict[str, Known] = field(default_factory=dict)
    renamed: set[str] = field(default_factory=set)
    is_noted: bool = True

    @classmethod
    def load(cls, memory: Memory) -> "Services":
        """Restores what ``dump`` gave."""
        kept: Mapping[str, tuple[str | None, str | None, int]] = memory.get("services", {})
        return cls(known={service_id: Known(*each) for service_id, each in kept.items()})

    def dump(self) -> Memory:
        """The services in types that JSON has."""
        return {"services": {service_id: list(each) for service_id, each in self.known.items()}}

    def learn(self, service: Reference, *, at_ms: int) -> None:
        """Takes note of what a service was called at a moment; what was heard from a later one stands."""
        before = self.known.get(service.id)
        if before is not None and before.at_ms > at_ms:
            return
        name = service.label or (before.name if before else None)
        url = service.html_url or (before.url if before else None)
        if before is not None and (before.name, before.url) == (name, url):
            return
        self.known[service.id] = Known(name, url, at_ms)
        self.is_noted = False
        if before is not None:
            self.renamed.add(service.id)
