"""Random histories in which everything meets, on the real daemon, against the oracle."""

import secrets
from collections.abc import Callable

import pytest
from tests.machine.runs import Difference, run

from dora_exporter.failures.blame import Blame
from dora_exporter.failures.rollback import Rollback
from dora_exporter.pairing import Pairing
from dora_exporter.store import EventStore

MINUTES = 0.25
"""Longer, and with a seed of your choice: ``python -m tests.machine --help``."""


def test_whatever_happens_the_daemon_shows_what_is_true() -> None:
    tally = run(secrets.token_hex(4), minutes=MINUTES)
    assert min(tally.histories, tally.steps, tally.values, tally.explanations) > 0


def no_rollbacks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Rollback, "links", lambda *_: iter(()))


def no_pairs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pairing, "_pair", lambda *_: None)


def forgotten_attributions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Blame, "mark_around", lambda *_: None)


def lost_verdicts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EventStore, "_judge", lambda *_: None)


@pytest.mark.parametrize("fault", [no_rollbacks, no_pairs, forgotten_attributions, lost_verdicts])
def test_a_fault_in_the_daemon_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(Difference, match="what happened"):
        run("fault", minutes=1, tries=0)
