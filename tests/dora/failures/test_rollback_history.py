"""Rollbacks and what lands again after them, whatever comes and goes in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import HOUR_MS, NOW_MS, deployment, done
from tests.dora.failures.test_rules import NoUpdates
from tests.oracle import links

from dora_exporter.app.failure_rules import FailureSettings, rules
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.order import by_finish

IDENTITIES = st.tuples(st.sampled_from(["v1", "v2", "v3", None]), st.sampled_from([None, None, "a" * 40, "b" * 40]))
writes = st.lists(st.tuples(st.integers(0, 12), st.none() | IDENTITIES), max_size=40)


def classifier() -> Classifier:
    return Classifier(
        rules=rules(FailureSettings()), attribution_limit_ms=None, find=lambda _: None, updates=NoUpdates()
    )


def found(one: Classifier) -> dict[str, str]:
    """The rollbacks with what failed."""
    return {link.remedy.id: link.failed.id for each in one.in_order.by_finish for link in one.links.of_remedy(each)}


def built(hour: int, version: str | None, sha: str | None) -> Deployment:
    return deployment(id=f"d{hour:02}", finished_at=NOW_MS + hour * HOUR_MS, version=version, commit_sha=sha)


@settings(max_examples=300, deadline=None)
@given(writes)
def test_rollbacks_are_those_of_the_definition_after_every_change(
    changes: list[tuple[int, tuple[str | None, str | None] | None]],
) -> None:
    """A change says what is deployed in an hour, or that nothing is."""
    kept = classifier()
    held: dict[int, Deployment] = {}
    for hour, identity in changes:
        if hour in held:
            done(kept.removing(held.pop(hour)))
        if identity:
            held[hour] = built(hour, *identity)
            done(kept.adding(held[hour]))
        done(kept.settling())
        expected = {each.id: failed.id for each, failed in links.rollbacks(list(held.values()))}
        assert found(kept) == expected
    loaded = classifier()
    ordered = by_finish(held.values())
    for _ in loaded.loading(list(ordered)):
        pass
    assert found(loaded) == found(kept)
    if ordered:
        done(loaded.removing(ordered[0]))
    done(loaded.settling())
    assert found(loaded) == {each.id: failed.id for each, failed in links.rollbacks(ordered[1:])}


def test_an_early_change_of_a_long_back_and_forth_is_taken_over() -> None:
    kept = classifier()
    for _ in kept.loading([built(hour, f"v{hour % 2}", None) for hour in range(20_000)]):
        pass
    assert len(found(kept)) == 9_999

    done(kept.removing(kept.in_order.by_finish[0]))
    done(kept.settling())

    assert len(found(kept)) == 9_999
    assert found(kept)["d03"] == "d02"
