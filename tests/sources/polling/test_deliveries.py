"""What is kept of deliveries for people."""

from dora_exporter.sources.polling.deliveries import Deliveries, DeliveryRecord


def test_the_last_twenty_are_kept_the_latest_first() -> None:
    deliveries = Deliveries()
    for moment in range(25):
        deliveries.accept(moment, kind="push", outcome="1 created", reason="")

    assert [each.at_ms for each in deliveries] == list(range(24, 4, -1))


def test_a_flood_of_strangers_pushes_one_delivery_out_only() -> None:
    deliveries = Deliveries()
    for moment in range(20):
        deliveries.accept(moment, kind="push", outcome="1 created", reason="")
    for moment in range(1000, 2000):
        deliveries.refuse(moment, "no valid signature or key")

    first, second, *_ = deliveries
    assert first == DeliveryRecord(1999, "", "refused", "no valid signature or key", times=1000)
    assert second.at_ms == 19
    assert len(list(deliveries)) == 20


def test_what_is_shown_of_a_sender_is_bounded_and_printable() -> None:
    deliveries = Deliveries()
    deliveries.accept(1, kind="a\x00\ud800" + "k" * 10_000, outcome="ignored", reason="r" * 10_000)

    (only,) = deliveries
    assert only.kind.startswith("a\ufffd\ufffdk")
    assert (len(only.kind), len(only.reason)) == (60, 200)
