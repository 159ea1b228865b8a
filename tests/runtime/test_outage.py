"""Outages are told when they begin and when they end."""

from tests.builders import NOW_MS

from dora_exporter.runtime.outage import Ended, Outage


def test_only_the_first_failure_begins_an_outage() -> None:
    outage = Outage()

    assert [outage.fail(NOW_MS), outage.fail(NOW_MS + 1), outage.fail(NOW_MS + 2)] == [True, False, False]
    assert (outage.since_ms, outage.failures) == (NOW_MS, 3)


def test_the_first_success_ends_it_with_its_length() -> None:
    outage = Outage()
    outage.fail(NOW_MS)
    outage.fail(NOW_MS + 500)

    assert outage.succeed(NOW_MS + 1500) == Ended(failures=2, seconds=1.5)
    assert outage.succeed(NOW_MS + 2000) is None
    assert (outage.since_ms, outage.failures) == (None, 0)


def test_what_never_failed_does_not_recover() -> None:
    assert Outage().succeed(NOW_MS) is None


def test_after_an_outage_the_next_failure_is_a_first_one_again() -> None:
    outage = Outage()
    outage.fail(NOW_MS)
    outage.succeed(NOW_MS)

    assert outage.fail(NOW_MS) is True
