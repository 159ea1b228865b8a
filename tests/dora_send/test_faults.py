"""Whatever happens between the sender and the daemon: one event, always, or an exit code that says there is none."""

import socket
from pathlib import Path

import pytest
from tests.dora_send import faulty
from tests.dora_send.faulty import Fault, front
from tests.dora_send.sending import listed, send
from tests.e2e.daemon import RunningDaemon

NOT_DELIVERED = 75
DEPLOYMENT = ("deployment", "--service=checkout")
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_RUN_ID": "1",
    "GITHUB_RUN_ATTEMPT": "1",
}


@pytest.mark.parametrize("variables", [GITHUB, {}], ids=["with an id of the run", "without an id"])
@pytest.mark.parametrize(
    "faults",
    [
        [faulty.hang_up],
        [faulty.answer_unavailable],
        [faulty.answer_busy],
        [faulty.cut_after_request],
        [faulty.cut_answer],
        [faulty.be_slow],
        [faulty.answer_drop_by_drop],
        [faulty.cut_after_request, faulty.answer_unavailable, faulty.cut_answer],
    ],
    ids=lambda faults: ", ".join(fault.__name__ for fault in faults),
)
def test_there_is_one_event(
    daemon: RunningDaemon, folder: Path, service: str, faults: list[Fault], variables: dict[str, str]
) -> None:
    with front(daemon.port, faults) as url:
        typed = ("deployment", f"--service={service}", f"--url={url}", "--timeout=6", "--", "true")
        ended = send(*typed, folder=folder, variables=variables)

    assert (ended.code, ended.errors.count("\n")) == (0, 1), ended.errors
    assert len(listed(daemon, service)) == 1


@pytest.mark.parametrize("fault", [faulty.cut_after_request, faulty.answer_unavailable])
def test_there_is_one_incident(daemon: RunningDaemon, folder: Path, service: str, fault: Fault) -> None:
    for action in (("open", f"--service={service}"), ("close",)):
        with front(daemon.port, [fault]) as url:
            assert send("incident", *action, f"--id={service}", f"--url={url}", folder=folder).code == 0

    (incident,) = listed(daemon, service, "failure")
    assert incident["attributes"]["finished_at"] >= incident["attributes"]["started_at"]


def test_the_next_attempt_of_a_job_is_another_event(daemon: RunningDaemon, folder: Path, service: str) -> None:
    typed = ("deployment", f"--service={service}", f"--url={daemon.url}", "--", "true")
    for attempt in ("1", "1", "2"):
        variables = {**GITHUB, "GITHUB_RUN_ATTEMPT": attempt}
        assert send(*typed, folder=folder, variables=variables).code == 0

    assert len(listed(daemon, service)) == 2


@pytest.fixture
def closed_url() -> str:
    """Where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_never_answers_is_given_up_in_time(folder: Path, closed_url: str) -> None:
    ended = send(*DEPLOYMENT, f"--url={closed_url}", "--timeout=1", folder=folder)

    assert ended.code == NOT_DELIVERED
    assert ended.errors == f"dora-send: not delivered within 1 s: {closed_url}: Connection refused\n"


def test_with_soft_it_is_a_warning(folder: Path, closed_url: str) -> None:
    ended = send(*DEPLOYMENT, f"--url={closed_url}", "--timeout=1", "--soft", folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (0, 1)
    assert ended.errors.startswith("dora-send: warning: not delivered within 1 s: ")


@pytest.mark.parametrize("soft", [(), ("--soft",)])
def test_what_the_script_ends_with_goes_before_what_delivery_ends_with(
    folder: Path, closed_url: str, soft: tuple[str, ...]
) -> None:
    arguments = (*DEPLOYMENT, f"--url={closed_url}", "--timeout=1", *soft)

    assert send(*arguments, "--", "sh", "-c", "exit 3", folder=folder).code == 3
    assert send(*arguments, "--", "true", folder=folder).code == (0 if soft else NOT_DELIVERED)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "http://127.0.0.1:1/dora"])
def test_a_wrong_host_is_named(folder: Path, url: str) -> None:
    ended = send(*DEPLOYMENT, f"--url={url}", "--timeout=1", folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (NOT_DELIVERED, 1)
    assert url in ended.errors
