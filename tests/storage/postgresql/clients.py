"""Clients that write without end, retry elsewhere what was not acknowledged, and remember what was."""

import http.client
import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.daemon import Answer, RunningDaemon, event_body

from dora_exporter.runtime.clock import stopwatch, system_clock

Alive = Callable[[], Sequence[RunningDaemon]]
"""The daemons that can be asked now."""

SERVICES = ("checkout", "cart", "search")
ENVIRONMENT = "production"
_HOUR_MS = 3_600_000
_PATIENCE_SECONDS = 90.0
_BULK_LINES = 5
_TAKEN = {http.client.OK, http.client.ACCEPTED}


@dataclass(frozen=True)
class Known:
    """A deployment as it was acknowledged last."""

    service: str
    version: str
    has_failed: bool = False


@dataclass
class Updates:
    """What the replicas have promised: the deployments that are there by id, and the ids of those that were deleted."""

    held: dict[str, Known] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    answers: int = 0
    """How many there were, refusals and broken connections among them."""
    acknowledged: int = 0


class Client:
    """Writes events of its own only, one after the other, until it is told to stop."""

    def __init__(self, name: str, alive: Alive, *, seed: int) -> None:
        """Does not write yet."""
        self.name = name
        self.updates = Updates()
        self.trouble: BaseException | None = None
        self._alive = alive
        self._dice = random.Random(seed)
        self._number = 0
        self._enough = threading.Event()
        self._has_given_up = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._began_ms = system_clock() - 2 * _HOUR_MS

    def start(self) -> None:
        """Lets it write."""
        self._thread.start()

    def stop(self) -> Updates:
        """Lets it finish what it is at; what it was promised. Raises what went wrong in it."""
        self._enough.set()
        self._thread.join()
        if self.trouble is not None:
            raise self.trouble
        return self.updates

    def give_up(self) -> None:
        """Leaves unfinished what it is at."""
        self._has_given_up = True
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        deeds = (self._create, self._create, self._create, self._update, self._judge, self._delete, self._send_many)
        try:
            while not self._enough.is_set():
                self._dice.choice(deeds)()
                self.updates.acknowledged += 1
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            self.trouble = error

    def _create(self) -> None:
        self._put(self._new_id())

    def _update(self) -> None:
        """Replaces a deployment, under another version and perhaps in another series."""
        if event_id := self._any():
            self._put(event_id)

    def _put(self, event_id: str) -> None:
        has_failed = event_id in self.updates.held and self.updates.held[event_id].has_failed
        known = Known(self._dice.choice(SERVICES), self._version(), has_failed)
        body = event_body(**self._attributes(event_id, known))
        answer = self._ask("POST", "/api/v2/dora/deployment", body)
        assert answer.json()["data"]["id"] == event_id
        self.updates.held[event_id] = known

    def _send_many(self) -> None:
        sent = {self._new_id(): Known(self._dice.choice(SERVICES), self._version()) for _ in range(_BULK_LINES)}
        lines = [
            json.dumps({"type": "deployment", "attributes": self._attributes(event_id, known)})
            for event_id, known in sent.items()
        ]
        answer = self._ask("POST", "/api/v1/events", "\n".join(lines).encode())
        told = answer.json()
        assert told["errors"] == [], told
        assert told["created"] + told["unchanged"] == len(sent), told
        self.updates.held |= sent

    def _judge(self) -> None:
        if event_id := self._any():
            known = self.updates.held[event_id]
            attributes = {"change_failure": not known.has_failed}
            data = {"id": event_id, "type": "dora_deployment_patch_request", "attributes": attributes}
            body = json.dumps({"data": data}).encode()
            self._ask("PATCH", f"/api/v2/dora/deployments/{event_id}", body)
            self.updates.held[event_id] = Known(known.service, known.version, not known.has_failed)

    def _delete(self) -> None:
        """That it is gone already is no surprise where an earlier try may have arrived."""
        if event_id := self._any():
            self._ask("DELETE", f"/api/v2/dora/deployment/{event_id}", may_be_gone=True)
            del self.updates.held[event_id]
            self.updates.deleted.add(event_id)

    def _ask(self, method: str, path: str, body: bytes | None = None, *, may_be_gone: bool = False) -> Answer:
        """The answer of whichever replica takes it."""
        deadline = stopwatch() + _PATIENCE_SECONDS
        tries, last = 0, ""
        while stopwatch() < deadline and not self._has_given_up:
            for daemon in self._dice.sample(alive := list(self._alive()), len(alive)):
                tries += 1
                try:
                    answer = daemon.request(method, path, body)
                except (OSError, http.client.HTTPException) as error:
                    self.updates.answers += 1
                    last = repr(error)
                    continue
                self.updates.answers += 1
                if answer.status in _TAKEN or (answer.status == http.client.NOT_FOUND and may_be_gone and tries > 1):
                    return answer
                last = f"{answer.status} {answer.body!r}"
                assert answer.status == http.client.SERVICE_UNAVAILABLE, (method, path, last, daemon.process.text)
        raise AssertionError(f"{method} {path} was not taken in {_PATIENCE_SECONDS} s: {last}")

    def _attributes(self, event_id: str, known: Known) -> dict[str, object]:
        finished_at = self._began_ms - self._dice.randrange(_HOUR_MS)
        return {
            "id": event_id,
            "service": known.service,
            "env": ENVIRONMENT,
            "version": known.version,
            "started_at": finished_at - 60_000,
            "finished_at": finished_at,
        }

    def _any(self) -> str | None:
        return self._dice.choice(list(self.updates.held)) if self.updates.held else None

    def _new_id(self) -> str:
        self._number += 1
        return f"deployment-of-{self.name}-{self._number}"

    def _version(self) -> str:
        """Never the same twice, so that nothing is taken for a rollback."""
        self._number += 1
        return f"{self.name}.{self._number}"


class Crowd:
    """Several clients at once."""

    def __init__(self, number: int, alive: Alive) -> None:
        """Lets them begin."""
        self.clients = [Client(f"client{n}", alive, seed=n) for n in range(number)]
        for each in self.clients:
            each.start()

    def acknowledged(self) -> int:
        """How much they have been promised so far; raises what went wrong in any of them."""
        for each in self.clients:
            if each.trouble is not None:
                raise each.trouble
        return sum(each.updates.acknowledged for each in self.clients)

    def answers(self) -> int:
        """How often they got an answer, or none."""
        return sum(each.updates.answers for each in self.clients)

    def stop(self) -> Updates:
        """All that they were promised."""
        total = Updates()
        for each in self.clients:
            updates = each.stop()
            total.held |= updates.held
            total.deleted |= updates.deleted
            total.answers += updates.answers
            total.acknowledged += updates.acknowledged
        return total


@contextmanager
def crowd(number: int, alive: Alive) -> Iterator[Crowd]:
    """Clients that have ended at the end, whatever happened."""
    started = Crowd(number, alive)
    try:
        yield started
    finally:
        for each in started.clients:
            each.give_up()
