"""Plays histories and compares, after every step, all that the daemon shows with all that is true."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from math import isclose
from pathlib import Path

import pytest
from tests.machine.acts import Act, in_words
from tests.machine.committing import Commit
from tests.machine.dimensions import labels_of
from tests.machine.explaining import (
    METRICS,
    listed_deployments,
    listed_incidents,
    shown_deployments,
    shown_incidents,
    wrong_in,
)
from tests.machine.facts import Line, Terms, World
from tests.machine.gauges import Oracle, Sample
from tests.machine.play import Player
from tests.machine.remembering import remember
from tests.machine.site import Site, brief

from dora_exporter.app.event_loop import new_event_loop
from dora_exporter.commits.pull_requests import enrich
from dora_exporter.commits.shipped_commits import rule
from dora_exporter.runtime.clock import stopwatch

ROUNDING = 1e-12
STEPS = 40
TRIES = 150


@dataclass
class Tally:
    """How much was done."""

    histories: int = 0
    steps: int = 0
    scrapes: int = 0
    values: int = 0
    explanations: int = 0
    faults: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """In a line."""
        return (
            f"histories={self.histories} steps={self.steps} scrapes={self.scrapes} values={self.values} "
            f"explanations={self.explanations} faults={self.faults} seconds={self.seconds:.0f}"
        )


class Difference(AssertionError):
    """The daemon shows something else than what is true, after these acts."""

    def __init__(self, what: str, terms: Terms, acts: Sequence[Act]) -> None:
        """``terms`` are those at the start."""
        super().__init__(f"{what}\nterms: {terms}\nwhat happened:\n{in_words(acts)}")
        self.acts = list(acts)


async def play(seed: str, tally: Tally, *, steps: int = STEPS) -> None:
    """A history made up as it goes, on an empty folder; raises ``Difference``."""
    player = Player(seed)
    await _perform(player, player.terms, lambda site: (player.next(site.clock()) for _ in range(steps)), tally)
    tally.histories += 1


async def again(seed: str, acts: Sequence[Act]) -> None:
    """Some acts of the history that a seed makes; raises ``Difference``."""
    await _perform(Player(seed), Player(seed).terms, lambda _: acts, Tally())


async def _perform(player: Player, terms: Terms, acts: Callable[[Site], Iterable[Act]], tally: Tally) -> None:
    done: list[Act] = []
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), terms, with_git=player.with_git)
        with (
            bounded(player.world.graph.most),
            site.faults.installed(),
        ):  # observers are told by the methods with which they began to observe
            await site.open()
            try:
                for act in acts(site):
                    done.append(act)
                    await act.do(site, player.world)
                    await site.settle()
                    await _compare(site, player.world, tally)
                    tally.steps += 1
            except Exception as reason:
                what = str(reason) if isinstance(reason, AssertionError) else f"{type(reason).__name__}: {reason}"
                raise Difference(what, terms, done) from reason
            finally:
                tally.faults += site.faults.met
                site.faults.waiting.clear()
                await site.close()


@contextmanager
def bounded(most: int) -> Iterator[None]:
    """Within this the daemon takes so many commits of a repository for a deployment at most."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (rule, enrich):
            patch.setattr(module, "MAX_COMMITS", most)
        yield


async def _compare(site: Site, world: World, tally: Tally) -> None:
    remember(site, world)
    oracle = Oracle(world, site.terms, site.clock())
    scraped = await site.scrape()
    _count_broken(scraped, oracle, site.faults.line)
    shown = _sound(scraped, site.faults.line)
    wanted = _sound(oracle.samples(), site.faults.line)
    tally.scrapes += 1
    tally.values += len(wanted)
    wrong = differing(shown, wanted)
    if oracle.ignores_deployments:
        wrong = {key: each for key, each in wrong.items() if not key[0].startswith("dora_exporter_commits_")}
    assert not wrong, f"shown and wanted at {site.clock()}:\n{brief(wrong)}"
    await _compare_explanation(site, oracle, tally)
    if site.faults.line is None:  # which report of a deployment counts is not known of a series that has no numbers
        await _compare_lists(site, world)


def differing(
    shown: dict[Sample, float], wanted: dict[Sample, float]
) -> dict[Sample, tuple[float | None, float | None]]:
    """The samples that are not what they should be, as shown and as wanted."""
    return {key: (shown.get(key), wanted.get(key)) for key in {**shown, **wanted} if not _agree(key, shown, wanted)}


def _sound(samples: dict[Sample, float], defective: Line | None) -> dict[Sample, float]:
    """What a defect in a series leaves alone: all other series. It leaves its teams; what it showed may stay."""
    if defective is None:
        return samples
    names = {("service", defective[0]), ("environment", defective[1])}
    of_all = ("dora_team_", "dora_group_", "dora_dimension_", "dora_exporter_")
    return {key: value for key, value in samples.items() if not key[0].startswith(of_all) and not names <= key[1]}


def _count_broken(shown: dict[Sample, float], oracle: Oracle, defective: Line | None) -> None:
    """A series without gauges is counted; one with a defect keeps those that it had until it changes."""
    said = shown["dora_exporter_broken_series", frozenset()]
    if defective is not None and defective in oracle.known:
        names = {("service", defective[0]), ("environment", defective[1])}
        has_gauges = any(names <= labels for _, labels in shown)
        assert said == (not has_gauges), f"broken series {said}, and gauges of {defective}: {has_gauges}"


async def _compare_explanation(site: Site, oracle: Oracle, tally: Tally) -> None:
    """One of all that could be asked: another one after each step, by which all come."""
    known = [("service", line) for line in sorted(oracle.known - {site.faults.line})]
    if site.faults.line is None:
        known += [(kind, each) for kind, those in oracle.rollups.items() for each in sorted(those)]
    if known:
        kind, subject = known[tally.steps % len(known)]
        metric = METRICS[tally.steps % len(METRICS)]
        window = oracle.terms.windows[tally.steps % len(oracle.terms.windows)]
        names = oracle.sent_as(subject) if kind == "service" else [subject]
        asked = labels_of(kind, names[tally.steps // 7 % len(names)]) | {"metric": metric, "window": window[0]}
        reply = await site.ask("GET", "/api/v1/explain", **asked)
        wrong = [str(reply)]
        if reply.is_taken:
            wrong = wrong_in(reply.body, oracle, kind=kind, name=subject, metric=metric, window=window)
        assert not wrong, f"explanation of {asked} at {site.clock()}: {wrong}"
        tally.explanations += 1


async def _compare_lists(site: Site, world: World) -> None:
    body = {"data": {"type": "dora_deployments_list_request", "attributes": {"limit": 1000}}}
    reply = await site.ask("POST", "/api/v2/dora/deployments", body)
    shown, wanted = shown_deployments(reply.body["data"]), listed_deployments(world, site.terms)
    assert shown == wanted, f"listed and held: {_odd(shown, wanted)}"
    body["data"]["type"] = "dora_failures_list_request"
    reply = await site.ask("POST", "/api/v2/dora/failures", body)
    shown, wanted = shown_incidents(reply.body["data"]), listed_incidents(world)
    assert shown == wanted, f"listed and held: {_odd(shown, wanted)}"


def _odd(shown: Sequence[object], wanted: Sequence[object]) -> tuple[list[object], list[object]]:
    return [each for each in shown if each not in wanted], [each for each in wanted if each not in shown]


def _agree(key: Sample, shown: dict[Sample, float], wanted: dict[Sample, float]) -> bool:
    one, other = shown.get(key), wanted.get(key)
    return one is not None and other is not None and isclose(one, other, rel_tol=ROUNDING)


def run(seed: str, *, minutes: float, first: int = 0, only_one: bool = False, tries: int = TRIES) -> Tally:
    """Plays histories for some time; raises ``Difference``, which says how to play that history again."""
    tally = Tally()
    begun = stopwatch()
    for number in range(first, first + 1) if only_one else count(first):
        if not only_one and stopwatch() - begun >= minutes * 60:
            break
        name = f"{seed}:{number}"
        try:
            _finish(play(name, tally))
        except Difference as found:
            shortest = shortened(name, found, most=tries)
            shortest.add_note(f"again: python -m tests.machine --seed {seed} --history {number}")
            raise shortest from None
    tally.seconds = stopwatch() - begun
    return tally


def _finish(work: Coroutine[None, None, None]) -> None:
    """Plays on the daemon's own event loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        loop.run(work)


def shortened(seed: str, found: Difference, *, most: int) -> Difference:
    """A history with fewer acts that goes wrong as well, after so many tries at most."""
    size = max(1, len(found.acts) // 2)
    tries = 0
    while size and tries < most:
        for start in range(0, len(found.acts), size):
            gone = {id(each) for each in found.acts[start : start + size] if not isinstance(each, Commit)}
            if not gone:
                continue
            tries += 1
            try:
                _finish(again(seed, [each for each in found.acts if id(each) not in gone]))
            except Difference as shorter:
                found = shorter
                break
        else:
            size //= 2
    return found
