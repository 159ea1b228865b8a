"""Each CI server is known by its variables, and gives one id to one attempt of one job."""

import re
from pathlib import Path

import pytest
from tests.dora_send.providers import FIRST, NEXT_ATTEMPT, OTHER_JOB, REPOSITORY, SHA
from tests.dora_send.sending import last, listed, send
from tests.e2e.daemon import RunningDaemon

from dora_send.ci import PROVIDERS, Run, current
from dora_send.identifiers import accepted

each_provider = pytest.mark.parametrize("name", FIRST)


def run(name: str, *changed: dict[str, str]) -> Run:
    """The run that these variables tell of."""
    variables = dict(FIRST[name])
    for each in changed:
        variables |= each
    found = current(variables)
    assert found is not None
    return found


def test_every_provider_is_tried() -> None:
    assert [provider.name for provider in PROVIDERS] == list(FIRST)


@each_provider
def test_an_id_names_one_attempt_of_one_job(name: str) -> None:
    runs = [run(name), run(name, NEXT_ATTEMPT[name]), run(name, OTHER_JOB[name])]
    ids = [each.event_id("checkout", "production") for each in runs]

    assert ids[0] == run(name).event_id("checkout", "production")
    assert len({*ids, runs[0].event_id("checkout", "staging"), runs[0].event_id("basket", "production")}) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_.:-]{16,128}", str(each)) for each in ids)


@each_provider
def test_without_the_variables_of_a_run_there_is_no_id(name: str) -> None:
    (provider,) = (each for each in PROVIDERS if each.name == name)
    variables = FIRST[name] | {provider.run[-1]: ""}

    assert Run(provider, variables).event_id("checkout") is None


def test_outside_of_ci_there_is_no_run() -> None:
    assert current({"CI": "true", "HOME": "/root"}) is None


@each_provider
def test_a_job_without_a_checkout_tells_its_commit(
    daemon: RunningDaemon, folder: Path, service: str, name: str
) -> None:
    typed = ("deployment", f"--service={service}", f"--url={daemon.url}", "--", "true")

    ended = send(*typed, folder=folder, variables=FIRST[name])

    host = "bitbucket.org/acme/shop" if name == "bitbucket" else REPOSITORY
    assert last(daemon, service)["git"] == {"commit_sha": SHA, "repository_id": host}
    assert listed(daemon, service)[0]["id"].startswith(f"{name}:")
    assert "secret-token" not in ended.errors


def test_a_commit_that_is_no_sha_is_not_sent(daemon: RunningDaemon, folder: Path, service: str) -> None:
    variables = FIRST["buildkite"] | {"BUILDKITE_COMMIT": "HEAD"}

    ended = send("deployment", f"--service={service}", f"--url={daemon.url}", folder=folder, variables=variables)

    assert ended.code == 0
    assert "git" not in last(daemon, service)


@pytest.mark.parametrize("name", ["INC-1", "a name with blanks", "é" * 500, "x" * 129, "\udcff"])
def test_whatever_an_incident_is_called_is_an_id(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.:-]{16,128}", accepted(name))
    assert accepted(name) == accepted(name)
    assert accepted(name) != accepted(f"{name}1")


def test_what_is_an_id_stays_as_it_is() -> None:
    assert accepted("incident-2026-0001") == "incident-2026-0001"
