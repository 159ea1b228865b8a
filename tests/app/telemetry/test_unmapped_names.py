"""Names that the catalogue does not know."""

from tests.builders import NOW_MS, deployment
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter.app.telemetry import UnmappedNames
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition.series_text import SeriesText
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine


class Shop:
    """Deployments in several environments, and what is told of their names."""

    def __init__(self, catalogue: Catalogue = NO_CATALOGUE) -> None:
        """Each environment has a deployment, whose id it is."""
        self.store = EventStore()
        self.engine = Engine(
            self.store,
            Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10, catalogue=catalogue),
        )
        self._text = SeriesText(self.engine)
        for service, environment in (("cart", "prod"), ("pay-svc", "PROD"), ("till", "pre-prod"), ("till", "x")):
            self.store.apply(deployment(id=environment, service=service, environment=environment))

    async def told(self) -> dict[tuple[str, ...], float]:
        """The samples now."""
        while not self._text.update(NOW_MS):
            pass
        families = UnmappedNames(lambda: self.engine).collect()
        return {tuple(sample.labels.values()): sample.value for family in families for sample in family.samples}


async def begin(catalogue: Catalogue = NO_CATALOGUE) -> Shop:
    shop = Shop(catalogue)
    await shop.engine.load(NOW_MS)
    return shop


async def test_without_entries_no_name_is_missing_one() -> None:
    shop = await begin()

    assert await shop.told() == {}


async def test_names_that_no_entry_knows_are_counted_as_they_were_sent() -> None:
    suffixes = Entry("suffixes", aliases=("*-svc",), template=r"\1")
    live = Entry("live", aliases=("prod", "PROD"))
    shop = await begin(Catalogue((suffixes,), (live,)))

    assert await shop.told() == {
        ("environment",): 2,
        ("service",): 2,
    }
