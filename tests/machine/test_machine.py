"""Random histories in which everything meets, on the real daemon, against the oracle."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.machine.acts import Act, in_words
from tests.machine.facts import DAY_MS
from tests.machine.gauges import Oracle
from tests.machine.killed import KilledSite
from tests.machine.play import CalmPlayer
from tests.machine.runs import Difference, differing, run
from tests.machine.site import Site, brief

from dora_exporter.dora.catalogue.spellings import Meaning, Spellings
from dora_exporter.dora.failures.attribution_index import AttributionIndex
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.store import EventStore
from dora_exporter.series.report_pairing import Pairing

KILLED_STEPS = 50
MINUTES = 0.1
"""Longer, and with a seed of your choice: ``python -m tests.machine --help``."""


def test_whatever_happens_the_daemon_shows_what_is_true() -> None:
    tally = run(secrets.token_hex(4), minutes=MINUTES)
    assert min(tally.histories, tally.steps, tally.values, tally.explanations) > 0


async def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    player = CalmPlayer(secrets.token_hex(4))
    site = KilledSite(tmp_path, replace(player.terms, retention_ms=400 * DAY_MS))
    try:
        done: list[Act] = []
        for _ in range(KILLED_STEPS):
            done.append(player.next(site.clock()))
            await done[-1].do(cast(Site, site), player.world)  # it has all that these acts ask of a site
            oracle = Oracle(player.world, site.terms, site.clock())
            wrong = differing(await site.scrape(), oracle.of_events())
            assert not wrong, f"{brief(wrong)}\n{in_words(done)}"
    finally:
        site.close()


def no_rollbacks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Rollback, "links", lambda *_: iter(()))


def no_pairs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pairing, "_near", lambda *_: iter(()))


def forgotten_attributions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AttributionIndex, "mark_around", lambda *_: None)


def lost_verdicts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EventStore, "_judge", lambda *_: None)


def lost_aliases(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Spellings, "meaning", lambda _, name: Meaning(name))


def flat_groups(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Groups, "way_up", lambda _, group: (group,) if group else ())


FAULTS = (no_rollbacks, no_pairs, forgotten_attributions, lost_verdicts, lost_aliases, flat_groups)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_daemon_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(Difference, match="what happened"):
        run("fault", minutes=4, tries=0)
