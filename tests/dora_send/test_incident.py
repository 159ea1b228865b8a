"""An incident is opened and closed by its id, however often."""

from pathlib import Path
from typing import Any

import pytest
from tests.dora_send.sending import listed, send
from tests.e2e.daemon import RunningDaemon

from dora_send import moments

BEGAN = moments.now() // 1000 - 3600


class Reported:
    """An incident that the command tells of."""

    def __init__(self, daemon: RunningDaemon, folder: Path, service: str) -> None:
        """It is called as the service is."""
        self._daemon, self._folder, self._service = daemon, folder, service

    def tell(self, action: str, *options: str) -> dict[str, Any]:
        """Opens or closes it; what the daemon holds then."""
        typed = ("incident", action, f"--id={self._service}", f"--url={self._daemon.url}", *options)
        assert send(*typed, folder=self._folder).code == 0
        (found,) = listed(self._daemon, self._service, "failure")
        attributes: dict[str, Any] = found["attributes"]
        return attributes


@pytest.fixture
def incident(daemon: RunningDaemon, folder: Path, service: str) -> Reported:
    """One that is open, with all that can be told of it."""
    reported = Reported(daemon, folder, service)
    told = ("--env=production", "--name=Nobody can pay", "--severity=SEV-1", "--team=web", "--version=v1", "--tag=a:b")
    reported.tell("open", f"--service={service}", f"--started-at={BEGAN}", *told)
    return reported


def test_closing_adds_the_end(incident: Reported, service: str) -> None:
    found = incident.tell("close", f"--finished-at={BEGAN + 90}")

    assert moments.parse(found["started_at"]) == BEGAN * 1000
    assert found.pop("time_to_restore") == 90
    assert found == {
        "services": [service],
        "env": "production",
        "started_at": found["started_at"],
        "finished_at": found["finished_at"],
        "source": "api",
        "name": "Nobody can pay",
        "severity": "SEV-1",
        "team": "web",
        "version": "v1",
        "custom_tags": ["a:b"],
    }


def test_closing_again_keeps_the_end(incident: Reported) -> None:
    first = incident.tell("close", f"--finished-at={BEGAN + 90}")

    assert incident.tell("close") == first
    assert incident.tell("close", f"--finished-at={BEGAN + 100}")["time_to_restore"] == 100


def test_opening_again_keeps_the_beginning(incident: Reported, service: str) -> None:
    found = incident.tell("open", f"--service={service}", "--severity=SEV-2")

    assert found["severity"] == "SEV-2"
    assert found["name"] == "Nobody can pay"
    assert incident.tell("close", f"--finished-at={BEGAN + 90}")["time_to_restore"] == 90


def test_what_was_closed_begins_again(incident: Reported, service: str) -> None:
    closed = incident.tell("close", f"--finished-at={BEGAN + 90}")

    found = incident.tell("open", f"--service={service}")

    assert "finished_at" not in found
    assert found["started_at"] > closed["finished_at"]


def test_it_never_ends_before_it_began(incident: Reported, service: str) -> None:
    """Where the clock of the machine that opened it is ahead."""
    ahead = incident.tell("open", f"--service={service}", f"--started-at={moments.now() + 60_000}")

    assert incident.tell("close")["finished_at"] == ahead["started_at"]
