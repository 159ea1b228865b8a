"""A restart from a checkpoint shows what the oracle computes from nothing, whatever came before and since."""

import asyncio
from collections.abc import Iterator, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.builders import HOUR_MS, NOW_MS, deployment, fields, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon, definitions
from tests.strategies import HISTORIES, Action, ClockStep, actions, crowded_actions

from dora_exporter.dora.events import Checkout, Commit, Deployment, PullRequest, Remediation, Shipped, Verdict
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.records import Cursor, Deletion, Record
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions
from dora_exporter.storage.checkpoint.layout import fill, frames, head_of


class Restarting(Daemon):
    """A daemon that can be restarted from the last checkpoint made of its log."""

    def __init__(self, definitions: Definitions) -> None:
        """Has no checkpoint yet, so a restart replays everything."""
        self._log: list[Record] = []
        self._made: tuple[int, list[bytes]] | None = None
        super().__init__(definitions)

    def perform(self, action: Action) -> None:
        super().perform(action)
        if not isinstance(action, ClockStep):
            self._log.append(action)

    def make_checkpoint(self) -> None:
        """From the log alone, as the program does that makes it."""
        self._made = len(self._log), list(frames(_replayed(self._log), length=0, checksum=0))

    def restart_from_checkpoint(self) -> None:
        """Forgets all but the checkpoint and what was logged since."""
        if self._made is None:
            return
        covered, made = self._made
        self.store = EventStore()
        read(made, self.store)
        for record in self._log[covered:]:
            self.store.apply(record)
        self.restart()


def read(made: Sequence[bytes], store: EventStore) -> None:
    """Fills a store with the content of a checkpoint's frames."""
    rest: Iterator[bytes] = iter(made)

    async def following() -> bytes:
        return next(rest, b"")

    asyncio.run(fill(store, head_of(next(rest)), following))


def _replayed(records: Sequence[Record]) -> EventStore:
    store = EventStore()
    for record in records:
        store.apply(record)
    return store


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    definitions=definitions,
    actions=st.lists(actions(), max_size=25),
    making=st.sets(st.integers(0, 25), max_size=3),
    restarts=st.sets(st.integers(0, 25), max_size=3),
    is_scraped=st.booleans(),
)
def test_engine_agree_with_the_oracle_after_restarts_from_checkpoints(
    definitions: Definitions, actions: list[Action], making: set[int], restarts: set[int], *, is_scraped: bool
) -> None:
    daemon = Restarting(definitions)
    for number, action in enumerate(actions):
        daemon.perform(action)
        if number in making:
            daemon.make_checkpoint()
        if number in restarts:
            daemon.restart_from_checkpoint()
        if is_scraped:
            assert differences(daemon.samples(), daemon.expected()) == {}
    assert differences(daemon.samples(), daemon.expected()) == {}


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    definitions=definitions,
    before=st.lists(actions(), min_size=5, max_size=20) | st.lists(crowded_actions(), min_size=5, max_size=12),
    missed=st.lists(actions(), max_size=3) | st.lists(crowded_actions(), max_size=3),
    after=st.lists(actions(), min_size=5, max_size=20) | st.lists(crowded_actions(), min_size=5, max_size=12),
)
def test_what_was_judged_before_a_checkpoint_can_change_after_it(
    definitions: Definitions, before: list[Action], missed: list[Action], after: list[Action]
) -> None:
    daemon = Restarting(definitions)
    for action in before:
        daemon.perform(action)
    daemon.make_checkpoint()
    for action in missed:
        daemon.perform(action)
    daemon.restart_from_checkpoint()
    for action in after:
        assert differences(daemon.samples(), daemon.expected()) == {}
        daemon.perform(action)
    assert differences(daemon.samples(), daemon.expected()) == {}


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions=definitions, others=definitions, before=st.lists(actions(), max_size=15), after=st.lists(actions()))
def test_events_of_a_checkpoint_serve_other_definitions_too(
    definitions: Definitions, others: Definitions, before: list[Action], after: list[Action]
) -> None:
    daemon = Restarting(definitions)
    for action in before:
        daemon.perform(action)
    daemon.make_checkpoint()
    for action in after:
        daemon.perform(action)
    daemon.definitions = others
    daemon.restart_from_checkpoint()
    assert differences(daemon.samples(), daemon.expected()) == {}


def test_everything_that_a_store_holds_comes_back_as_it_was() -> None:
    shipped = Shipped("git.example.com/shop", "a" * 40, (Commit("b" * 40, 5, pull_request=0),), base="c" * 40)
    shipped = Shipped(
        shipped.repository, shipped.commit_sha, shipped.commits, left_out={"gap": 2}, pull_requests=(PullRequest(7),)
    )
    store = _replayed(
        [
            deployment(id="plain", version="1\n2", commit_sha="a" * 40, team="crew"),
            deployment(id="ü\n", tags=("a:b",), commits=(), revision=3, upstream={"deep": [1.5, None, 2**70]}),
            deployment(
                id="found", source="apm", repository="git.example.com/shop", commit_sha="a" * 40, shipped=shipped
            ),
            deployment(
                id="together",
                repository="git.example.com/shop",
                commit_sha="a" * 40,
                further=(Checkout("git.example.com/config", "d" * 40),),
                shipped=structs.replace(shipped, further=(Shipped("git.example.com/config", "d" * 40),)),
            ),
            deployment(id="judged", verdict=Verdict(True, Remediation("rollback", id="plain"))),  # noqa: FBT003
            incident(id="open", services=("checkout", "cart"), upstream={"urgency": "high"}),
            incident(id="team only", services=(), team="crew"),
            incident(id="merged", merged_into="open"),
            Deletion("incident", "gone", NOW_MS, "pagerduty"),
            Cursor("pagerduty", {"until": 7}),
        ]
    )
    again = EventStore()
    read(list(frames(store, length=0, checksum=0)), again)
    assert fields((again.deployments, again.incidents)) == fields((store.deployments, store.incidents))
    assert (again.tombstones, again.cursors) == (store.tombstones, store.cursors)
    assert list(again.series_order.items()) == list(store.series_order.items())


def test_a_restart_pairs_again_what_was_sent_and_found() -> None:
    daemon = Restarting(
        Definitions(windows=(("7d", 7 * 24 * HOUR_MS),), retention_ms=400 * 24 * HOUR_MS, series_limit=9)
    )
    sent = deployment(id="sent", version="1.0")
    daemon.perform(sent)
    daemon.perform(Deployment("apm:1", "checkout", "production", sent.started_at, sent.started_at, "1.0", source="apm"))
    daemon.make_checkpoint()
    shown = daemon.samples()
    daemon.restart_from_checkpoint()
    assert daemon.samples() == shown
    assert daemon.engine.is_superseded(daemon.store.deployments["apm:1"])


def test_a_rollback_judged_before_a_checkpoint_can_be_taken_back_after_it() -> None:
    daemon = Restarting(
        Definitions((("7d", 7 * 24 * HOUR_MS),), retention_ms=400 * 24 * HOUR_MS, series_limit=9, rules=(Rollback(),))
    )
    for hours, version in ((3, "v1"), (2, "v2"), (1, "v1")):
        daemon.perform(deployment(id=f"{hours} hours ago", finished_at=NOW_MS - hours * HOUR_MS, version=version))
    daemon.make_checkpoint()
    daemon.restart_from_checkpoint()
    assert differences(daemon.samples(), daemon.expected()) == {}
    daemon.perform(Deletion("deployment", "1 hours ago", NOW_MS))
    assert differences(daemon.samples(), daemon.expected()) == {}
