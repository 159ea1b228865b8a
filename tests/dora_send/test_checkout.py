"""What the checkout knows goes along: repository, commit, and the commits since another deployment."""

import subprocess
from pathlib import Path

import pytest
from tests.cli.calling import Ended
from tests.dora_send.sending import environment, last, listed, send
from tests.e2e.daemon import RunningDaemon

from dora_send.checkout import without_secrets

REMOTE = "https://robot:secret-token@git.example/acme/shop.git"
PEOPLE = {f"GIT_{who}_{what}": f"{who}@example.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Checkout:
    """A repository in a folder, and a service that is deployed from it."""

    def __init__(self, folder: Path, daemon: RunningDaemon, service: str) -> None:
        """The repository is empty."""
        self.folder, self._daemon, self._service = folder, daemon, service
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", REMOTE)

    def git(self, *arguments: str) -> str:
        """Runs Git."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment(**PEOPLE), check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str, *, written: int = 1_780_000_000) -> str:
        """Commits, and returns the SHA."""
        self.git("commit", "--quiet", "--allow-empty", f"--date={written} +0000", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def deploy(self, *options: str, **variables: str) -> Ended:
        """Tells of a deployment of what is checked out."""
        typed = ("deployment", f"--service={self._service}", f"--url={self._daemon.url}", "--env=production", *options)
        return send(*typed, folder=self.folder, variables=variables)

    def shipped(self, *options: str, **variables: str) -> list[str] | None:
        """The commits of a deployment, as the daemon holds them; None where it was told of none."""
        assert self.deploy(*options, **variables).code == 0
        commits = last(self._daemon, self._service).get("commits")
        return None if commits is None else sorted(each["sha"] for each in commits)


@pytest.fixture
def checkout(folder: Path, daemon: RunningDaemon, service: str) -> Checkout:
    """A repository with a remote, and nothing in it."""
    return Checkout(folder, daemon, service)


def test_repository_and_commit_are_found(checkout: Checkout, daemon: RunningDaemon, service: str) -> None:
    sha = checkout.commit("Begin")

    ended = checkout.deploy()

    assert last(daemon, service)["git"] == {"commit_sha": sha, "repository_id": "git.example/acme/shop"}
    assert "secret-token" not in ended.errors


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://user:secret@git.example/acme/shop.git", "https://git.example/acme/shop.git"),
        ("https://secret@git.example/acme/shop.git", "https://git.example/acme/shop.git"),
        ("https://user:se/cr@et@git.example/shop", "https://git.example/shop"),
        ("https://user:secret@git.example:8443/shop?token=secret#secret", "https://git.example:8443/shop"),
        ("ssh://git@git.example:22/acme/shop", "ssh://git.example:22/acme/shop"),
        ("git@git.example:acme/shop.git", "git.example:acme/shop.git"),
        ("user:secret@git.example:acme/shop.git", "git.example:acme/shop.git"),
        ("https://git.example/acme/@scope/shop", "https://git.example/acme/@scope/shop"),
        ("/srv/git/shop.git", "/srv/git/shop.git"),
    ],
)
def test_a_password_in_a_url_is_cut(url: str, kept: str) -> None:
    assert without_secrets(url) == kept


def test_what_is_told_goes_before_what_is_found(checkout: Checkout, daemon: RunningDaemon, service: str) -> None:
    first = checkout.commit("Begin")
    checkout.git("tag", "v1")
    checkout.commit("Go on")

    checkout.deploy("--commit=v1", "--repository=https://user:secret@git.example/acme/other")

    assert last(daemon, service)["git"] == {"commit_sha": first, "repository_id": "git.example/acme/other"}


def test_the_commits_since_the_last_deployment_are_sent(checkout: Checkout) -> None:
    checkout.commit("Begin")
    assert checkout.shipped("--since=last") is None
    second, third = checkout.commit("Go on"), checkout.commit("Go further")

    assert checkout.shipped("--since=last") == sorted((second, third))


def test_an_attempt_that_failed_has_shipped_nothing(checkout: Checkout) -> None:
    checkout.commit("Begin")
    checkout.deploy()
    second = checkout.commit("Go on")
    checkout.deploy("--outcome=failed")
    checkout.deploy("--outcome=canceled")
    third = checkout.commit("Go further")

    assert checkout.shipped("--since=last") == sorted((second, third))


def test_the_same_report_again_ships_the_same(checkout: Checkout) -> None:
    checkout.commit("Begin")
    checkout.deploy()
    second = checkout.commit("Go on")
    job = {"BUILDKITE": "true", "BUILDKITE_BUILD_ID": "1", "BUILDKITE_JOB_ID": "1"}

    assert [checkout.shipped("--since=last", **job) for _ in range(2)] == [[second]] * 2


def test_the_commits_since_a_revision_are_sent_without_merges(checkout: Checkout) -> None:
    first = checkout.commit("Begin")
    checkout.git("switch", "--quiet", "--create", "side")
    second = checkout.commit("On the side\n\nWith “words” and\ttabs")
    checkout.git("switch", "--quiet", "main")
    third = checkout.commit("On main", written=-5)
    checkout.git("merge", "--quiet", "--no-ff", "--message=Merge", "side")

    assert checkout.shipped(f"--since={first}") == sorted((second, third))


def test_thousands_of_commits_fit_into_a_request(checkout: Checkout) -> None:
    text = "All of it\n\n" + '"quoted"\t“words”\n' * 100
    data = f"data {len(text.encode())}\n{text}"
    stream = "".join(
        f"commit refs/heads/main\ncommitter a <a@b> {1_780_000_000 + n} +0000\n{data}\n" for n in range(5100)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=checkout.folder, input=stream.encode(), check=True)

    shipped = checkout.shipped("--since=HEAD~5050")

    assert shipped is not None
    assert len(shipped) == 5000


@pytest.mark.parametrize("since", ["no-such-revision", "--output=x", "0" * 40])
def test_a_commit_that_is_not_there_costs_the_commits_only(
    checkout: Checkout, daemon: RunningDaemon, service: str, since: str
) -> None:
    checkout.commit("Begin")

    ended = checkout.deploy(f"--since={since}")

    assert (ended.code, ended.errors.count("\n")) == (0, 1)
    assert ended.errors.endswith(f"; without commits: the checkout has no commit {since}\n")
    assert "commits" not in last(daemon, service)


def test_a_checkout_without_enough_history_costs_the_commits_only(
    checkout: Checkout, daemon: RunningDaemon, service: str, tmp_path: Path
) -> None:
    first = checkout.commit("Begin")
    checkout.git("switch", "--quiet", "--create", "side")
    checkout.commit("On the side")
    checkout.commit("Further")
    checkout.git("switch", "--quiet", "main")
    checkout.commit("On main")
    checkout.git("merge", "--quiet", "--no-ff", "--message=Merge", "side")
    shallow = tmp_path / "shallow"
    checkout.git("clone", "--quiet", "--depth=3", f"file://{checkout.folder}", str(shallow))
    typed = ("deployment", f"--service={service}", f"--url={daemon.url}", "--env=production", f"--since={first}")

    ended = send(*typed, folder=shallow)

    assert ended.code == 0
    assert ended.errors.endswith("; without commits: the checkout is shallow, and its history ends too early\n")
    assert "commits" not in last(daemon, service)


def test_a_repository_without_a_commit_is_no_obstacle(checkout: Checkout, daemon: RunningDaemon, service: str) -> None:
    ended = checkout.deploy("--since=last")

    assert (ended.code, ended.errors.count("\n")) == (0, 1)
    assert "git" not in last(daemon, service)


def test_a_repository_without_a_remote_is_said(checkout: Checkout, daemon: RunningDaemon, service: str) -> None:
    checkout.commit("Begin")
    checkout.git("remote", "remove", "origin")

    ended = checkout.deploy()

    assert "without the commit, for no repository is known (give --repository)" in ended.errors
    assert "git" not in last(daemon, service)


def test_without_git_the_event_is_sent(checkout: Checkout, daemon: RunningDaemon, service: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()

    ended = checkout.deploy("--since=last", PATH=str(tmp_path / "nothing"))

    assert ended.code == 0
    assert len(listed(daemon, service)) == 1


def test_an_odd_name_is_found_again(folder: Path, daemon: RunningDaemon) -> None:
    checkout = Checkout(folder, daemon, 'a "b" \\c* (d) é')
    checkout.commit("Begin")
    checkout.deploy()
    second = checkout.commit("Go on")

    typed = ("deployment", '--service=a "b" \\c* (d) é', f"--url={daemon.url}", "--env=production", "--since=last")
    ended = send(*typed, folder=folder)

    found = daemon.get(f"/api/v2/dora/deployments/{ended.errors.split()[-1]}").json()["data"]["attributes"]
    assert [each["sha"] for each in found["commits"]] == [second]
