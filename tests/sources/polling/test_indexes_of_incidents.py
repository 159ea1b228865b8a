"""Which incidents of a source are open, and which are about the same subject."""

from msgspec.structs import replace
from tests.builders import MINUTE_MS, NOW_MS, incident

from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.sources.polling import OpenIncidents

FIRST = incident(id="am:f1:1", source="am")
SECOND = incident(id="am:f1:2", source="am", finished_at=NOW_MS)


def test_what_is_held_and_what_comes_is_known_until_it_goes() -> None:
    store = EventStore()
    store.apply(FIRST)
    open_incidents = OpenIncidents(store)
    store.apply(SECOND)
    assert list(open_incidents.of("am")) == [FIRST]
    assert list(open_incidents.about("am:f1")) == [FIRST, SECOND]
    ended = replace(FIRST, finished_at=FIRST.started_at + MINUTE_MS)
    store.apply(ended)
    assert (list(open_incidents.of("am")), open_incidents.count("am")) == ([], 0)
    assert list(open_incidents.about("am:f1")) == [ended, SECOND]
    for event_id in ("am:f1:1", "am:f1:2"):
        store.apply(Deletion("incident", event_id, NOW_MS))
    assert list(open_incidents.about("am:f1")) == []
    assert open_incidents.subjects == 0


def test_what_has_no_subject_needs_no_place() -> None:
    store = EventStore()
    open_incidents = OpenIncidents(store)
    store.apply(incident(id="pd:P1", source="pd"))
    store.apply(incident(id="a:b:c", source="api"))
    assert open_incidents.subjects == 0
    assert open_incidents.count("pd") == 1


def test_one_without_service_and_team_is_open_nowhere() -> None:
    store = EventStore()
    open_incidents = OpenIncidents(store)
    store.apply(incident(id="pd:P1", source="pd", services=()))
    store.apply(incident(id="pd:P2", source="pd", services=(), team="t"))
    assert [each.id for each in open_incidents.of("pd")] == ["pd:P2"]


async def test_what_it_was_not_told_is_known_once_it_reads_the_store_again() -> None:
    store = EventStore()
    open_incidents = OpenIncidents(store)
    store.apply(FIRST)
    store.observers.remove(open_incidents.observe)
    store.apply_all([Deletion("incident", FIRST.id, NOW_MS), replace(SECOND, finished_at=None)])
    await open_incidents.renew()
    assert [each.id for each in open_incidents.of("am")] == [SECOND.id]
    assert [each.id for each in open_incidents.about("am:f1")] == [SECOND.id]
