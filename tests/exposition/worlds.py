"""An exposition over lines that a test writes, and the same families for ``prometheus_client``."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from tests.exposition.gzip_members import inflate_one_member

from dora_exporter.app.telemetry import new_registry
from dora_exporter.exposition import Body, Exposition, Format, OwnFamilies
from dora_exporter.exposition.sample_text import line
from dora_exporter.exposition.text_cache import Family, TextCache

OF_SERIES = (
    Family("dora_deployments", 'Deployments that "finished" in the window.'),
    Family("dora_change_failure_rate", "Failed deployments\ndivided by all, a \\ between."),
    Family("dora_service_info", "The repository and the team of a series."),
)
OF_TEAMS = (Family("dora_team_deployments", "Deployments of the team."),)


def hours_passed_never() -> float:
    return 0.0


@dataclass(eq=False)
class World:
    """Values by family and labels, of which the exposition learns in ``slices`` and one more calls of a scrape."""

    values: dict[tuple[str, str, str], float] = field(default_factory=dict)
    slices: int = 0
    nows: list[int] = field(default_factory=list)
    is_behind: bool = False
    seconds: float = 0.0
    seconds_per_slice: float = 0.0
    now_ms: int = 1_764_000_000_000
    series: TextCache = field(default_factory=lambda: TextCache(OF_SERIES, largest_page=3))
    teams: TextCache = field(default_factory=lambda: TextCache(OF_TEAMS, largest_page=3))
    registry: CollectorRegistry = field(default_factory=new_registry)

    def __post_init__(self) -> None:
        self.exposition = Exposition(
            caches=[self.series, self.teams],
            own=OwnFamilies(self.registry, stopwatch=hours_passed_never),
            update=self.update,
            clock=lambda: self.now_ms,
            is_behind=lambda: self.is_behind,
            stopwatch=lambda: self.seconds,
        )

    def update(self, now_ms: int) -> bool:
        self.nows.append(now_ms)
        self.now_ms += 1
        self.seconds += self.seconds_per_slice
        if self.slices:
            self.slices -= 1
            return False
        for cache in (self.series, self.teams):
            for index, family in enumerate(cache.families):
                for (name, environment, owner), value in self.values.items():
                    if name == family.name:
                        cache.set(index, (environment, owner), line(name, self.labels(name, environment, owner), value))
        return True

    @staticmethod
    def labels(name: str, environment: str, owner: str) -> dict[str, str]:
        return {"environment": environment, "team" if "team" in name else "service": owner}

    def collect(self) -> Iterable[Metric]:
        """The families of the caches from scratch."""
        for wanted in OF_SERIES + OF_TEAMS:
            family = GaugeMetricFamily(
                wanted.name, wanted.help, labels=tuple(self.labels(wanted.name, "environment", "owner"))
            )
            for name, environment, owner in sorted(self.values):
                if name == wanted.name:
                    family.add_metric((environment, owner), self.values[name, environment, owner])
            yield family

    async def text(self, wanted: Format = Format.TEXT, names: Iterable[str] = ()) -> bytes:
        """A plain scrape, which the compressed one must equal."""
        plain = await self.exposition.scrape(wanted, gzip=False, names=frozenset(names))
        packed = await self.exposition.scrape(wanted, gzip=True, names=frozenset(names))
        assert whole(packed) == packed.parts[0]
        assert inflate_one_member(packed.parts[0]) == whole(plain)
        return whole(plain)


def whole(body: Body) -> bytes:
    """The bytes of a body, whose length must be right."""
    joined = b"".join(body.parts)
    assert len(joined) == body.length
    return joined


def odd_names() -> World:
    """A world whose names need escaping."""
    names = ['quote"', "back\\slash", "line\nfeed", "plain", "ünïcode", "{}", "# EOF"]
    values = {
        (family.name, environment, owner): float(number)
        for family in OF_SERIES + OF_TEAMS
        for environment in names[:2]
        for number, owner in enumerate(names)
    }
    return World(values)
