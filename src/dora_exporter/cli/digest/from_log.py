"""The numbers of a period from the event log."""

from collections.abc import Iterable, Sequence

from dora_exporter.cli.digest.report import Period
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import in_slices
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.numbers import Question, Selection, numbers, select
from dora_exporter.web.api.schema.number_answer import NumbersOfSubject, of_subject


async def from_log(
    records: Iterable[Record], definitions: Definitions, period: Period, *, tier: str
) -> Sequence[NumbersOfSubject]:
    """What was known at the beginning and at the end of the period, of each service of a tier."""
    store = EventStore()
    for record in records:
        store.apply(record)
    engine = Engine(store, definitions)
    await engine.load(period.end_ms)
    await in_slices(lambda: engine.update(period.end_ms))
    question = Question(
        metrics=definitions.metrics,
        windows=[(period.text, period.end_ms - period.start_ms)],
        instants=[period.start_ms, period.end_ms],
    )
    subjects = await select(engine, Selection(tier=tier))
    found = [of_subject(each, "") for each in await numbers(engine, subjects, question)]
    return [each for each in found if each.numbers]
