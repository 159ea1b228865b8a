"""Pull requests of GitHub and GitLab: what they add to commits, and how sparingly they are asked for."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace
from pydantic import ValidationError
from tests.builders import HOUR_MS, NOW_MS, deployment
from tests.commits.fake_forge import FakeForge, FakeGitHub, FakeGitLab, Request
from tests.commits.histories import build, linear, pack_of
from tests.commits.servers import listening
from tests.commits.worlds import Begin, World
from tests.web.security.certificates import issue

from dora_exporter.commits.providers import KINDS as PROVIDERS
from dora_exporter.commits.providers.contract import Lent, PullRequestSettings
from dora_exporter.commits.pull_requests.forges import Forges
from dora_exporter.commits.pull_requests.pull_request_resolver import PullRequestResolver
from dora_exporter.commits.shipped_commits.excluded_authors import Authors
from dora_exporter.config.client_tls import TlsConfig
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.events import Commit, PullRequest, Shipped
from dora_exporter.dora.records import Record, Resolution

HOST = "forge.example"
NAME = f"{HOST}/acme/shop"
DEPLOYED = NOW_MS - 10 * HOUR_MS
KINDS: dict[str, type[FakeForge]] = {"github": FakeGitHub, "gitlab": FakeGitLab}


def sha(letter: str) -> str:
    return letter * 40


def commit(letter: str, hour: int, subject: str | None = None) -> Commit:
    return Commit(sha(letter), DEPLOYED - hour * HOUR_MS, subject=subject or f"Change {letter}")


@dataclass
class Review:
    """A world whose commits are known, a forge, and the one who asks it."""

    world: World
    forge: FakeForge
    resolver: PullRequestResolver

    def deploy(self, *commits: Commit, deployment_id: str = "d" * 16) -> None:
        """A deployment whose commits Git has told."""
        shipped = Shipped(NAME, sha("f"), commits, base=sha("e"))
        event = deployment(
            id=deployment_id, finished_at=DEPLOYED, commit_sha=sha("f"), repository=NAME, shipped=shipped
        )
        self.world.store.apply(event)

    def shipped(self, deployment_id: str = "d" * 16) -> Shipped:
        """What it shipped, as it is known now."""
        return self.world.shipped(deployment_id)


@asynccontextmanager
async def reviewing(
    kind: str,
    world: World,
    *requests: Request,
    authors: Sequence[str] = (),
    serves_tls: ssl.SSLContext | None = None,
    is_lent: bool = False,
    **changes: object,
) -> AsyncIterator[Review]:
    forge = KINDS[kind](requests=list(requests))
    base_url_end = "/api" if kind == "github" else "/api/v4"
    async with listening(forge.application(), ssl_context=serves_tls) as port:
        said = {
            "kind": kind,
            "host": HOST,
            "base_url": f"http{'s' if serves_tls else ''}://127.0.0.1:{port}{base_url_end}",
            **({} if "token_file" in changes else {"token": "token"}),
            **changes,
        }
        settings = PullRequestSettings(source="forge") if is_lent else PullRequestSettings.model_validate(said)

        def lend(name: str) -> Lent:
            assert name == "forge"
            return Lent(kind=kind, host=HOST, base_url=str(said["base_url"]), headers=headers)

        async def headers() -> Mapping[str, str]:
            return PROVIDERS[kind].headers("token")

        resolver = PullRequestResolver(
            store=world.store,
            log=world.log,
            forges=Forges({"forge": settings}, world.repositories, clock=world.clock, lend=lend),
            clock=world.clock,
            settings=world.settings,
            authors=Authors(authors),
        )
        world.store.observers.add(resolver.observe)
        try:
            yield Review(world, forge, resolver)
        finally:
            await resolver.close()


both = pytest.mark.parametrize("kind", KINDS)


def request(number: int = 1, **changes: object) -> Request:
    default = Request(
        number=number,
        merged_at=DEPLOYED - 2 * HOUR_MS,
        created_at=DEPLOYED - 8 * HOUR_MS,
        ready_at=[DEPLOYED - 7 * HOUR_MS, DEPLOYED - 6 * HOUR_MS, DEPLOYED - HOUR_MS],
        approved_at=[DEPLOYED - 5 * HOUR_MS, DEPLOYED - 4 * HOUR_MS, DEPLOYED - HOUR_MS],
    )
    return replace(default, **changes)


@both
async def test_a_merged_branch_brings_its_commits(kind: str, begin: Begin) -> None:
    commits = [commit("a", 9), commit("b", 8), commit("c", 7)]
    asked = request(commits=commits, merge_sha=sha("d"), brings={sha("a"), sha("b"), sha("c"), sha("d")})
    async with reviewing(kind, begin(), asked) as review:
        review.deploy(commits[2], commits[1], commit("9", 1), commits[0])
        await review.resolver.work()
        shipped = review.shipped()
    assert shipped.pull_requests == (
        PullRequest(
            merged_at=DEPLOYED - 2 * HOUR_MS,
            ready_at=DEPLOYED - 6 * HOUR_MS,
            approved_at=DEPLOYED - 4 * HOUR_MS,
            number=1,
            title="Request 1",
            branch="branch-1",
            labels=("big",),
        ),
    )
    assert [each.pull_request for each in shipped.commits] == [0, 0, None, 0]
    assert len([each for each in review.forge.asked if "pulls?" in each or "merge_requests?" in each]) == 2


@both
async def test_a_squash_is_resolved_to_what_was_squashed(kind: str, begin: Begin) -> None:
    originals = [commit("a", 9), commit("b", 8), commit("c", 7)]
    asked = request(commits=originals, merge_commits=1, squash_sha=sha("5"), brings={sha("5")})
    async with reviewing(kind, begin(), asked) as review:
        review.deploy(commit("5", 2, "Request 1 (#1)"))
        await review.resolver.work()
        shipped = review.shipped()
    assert [(each.sha, each.via, each.authored_at) for each in shipped.commits] == [
        (each.sha, sha("5"), each.authored_at) for each in originals
    ]
    assert {each.pull_request for each in shipped.commits} == {0}


@both
async def test_of_what_was_squashed_the_commits_of_bots_are_left_out(kind: str, begin: Begin) -> None:
    originals = [commit("a", 9), commit("b", 8, "Bump it"), commit("c", 7)]
    asked = request(commits=originals, merge_commits=1, squash_sha=sha("5"), brings={sha("5")})
    async with reviewing(kind, begin(), asked, authors=(r"^renovate\[bot\] <1\+",)) as review:
        review.deploy(commit("5", 2, "Request 1 (#1)"))
        await review.resolver.work()
        shipped = review.shipped()
    assert shipped.excluded == (sha("b"),)


@both
async def test_a_rebase_keeps_the_commits_that_were_deployed(kind: str, begin: Begin) -> None:
    originals = [commit("a", 9, "First, in other words"), commit("b", 8, "Second")]
    asked = request(commits=originals, merge_sha=sha("2"), brings={sha("1"), sha("2")})
    async with reviewing(kind, begin(), asked) as review:
        review.deploy(commit("2", 8, "Second"), commit("1", 9, "First"))
        await review.resolver.work()
        shipped = review.shipped()
    assert [(each.sha, each.via, each.pull_request) for each in shipped.commits] == [
        (sha("2"), None, 0),
        (sha("1"), None, 0),
    ]


@both
async def test_a_commit_belongs_to_the_request_that_first_brought_it_to_the_default_branch(
    kind: str, begin: Begin
) -> None:
    brings = {sha("a")}
    requests = [
        request(1, merged_at=DEPLOYED - 2 * HOUR_MS, brings=brings),
        request(2, merged_at=DEPLOYED - 3 * HOUR_MS, brings=brings),
        request(3, merged_at=DEPLOYED - 4 * HOUR_MS, brings=brings, base="develop"),
        request(4, merged_at=None, brings=brings),
    ]
    async with reviewing(kind, begin(), *requests) as review:
        review.deploy(commit("a", 9))
        await review.resolver.work()
        assert [each.number for each in review.shipped().pull_requests] == [2]


@both
async def test_a_request_that_nobody_approved_and_that_was_never_a_draft(kind: str, begin: Begin) -> None:
    asked = request(approved_at=[], ready_at=[], brings={sha("a")})
    async with reviewing(kind, begin(), asked) as review:
        review.deploy(commit("a", 9))
        await review.resolver.work()
        found = review.shipped().pull_requests[0]
    assert (found.ready_at, found.approved_at) == (DEPLOYED - 8 * HOUR_MS, None)


@both
async def test_commits_without_a_request_stay_as_they_are(kind: str, begin: Begin) -> None:
    async with reviewing(kind, begin()) as review:
        review.deploy(commit("a", 9))
        before = review.shipped()
        await review.resolver.work()
        assert review.shipped() is before
        assert review.resolver.pending == 0
        await review.resolver.work()
        assert len(review.forge.asked) == 1


@both
async def test_answers_that_did_not_change_are_not_sent_again(kind: str, begin: Begin) -> None:
    asked = request(brings={sha("a")}, commits=[commit("a", 9)])
    async with reviewing(kind, begin(), asked) as review:
        review.deploy(commit("a", 9))
        await review.resolver.work()
        first = len(review.forge.asked)
        used = review.forge.remaining
        review.deploy(commit("a", 9), deployment_id="e" * 16)
        await review.resolver.work()
        assert len(review.shipped("e" * 16).pull_requests) == 1
        assert review.forge.not_modified == len(review.forge.asked) - first == first
        assert review.forge.remaining == used


@both
async def test_a_used_up_rate_limit_is_waited_for(kind: str, begin: Begin) -> None:
    asked = request(brings={sha("a")}, commits=[commit("a", 9)])
    async with reviewing(kind, begin(), asked) as review:
        review.forge.remaining = 0
        review.forge.reset_at = review.world.clock() + 600_000
        for each in "de":
            review.deploy(commit("a", 9), deployment_id=each * 16)
        await review.resolver.work()
        assert len(review.forge.asked) == 1
        review.world.clock.advance(590_000)
        await review.resolver.work()
        assert len(review.forge.asked) == 1
        review.forge.remaining = 500
        review.world.clock.advance(20_000)
        await review.resolver.work()
        assert all(review.shipped(each * 16).pull_requests for each in "de")


@both
async def test_the_last_of_a_rate_limit_is_left_to_others(kind: str, begin: Begin) -> None:
    asked = request(brings={sha("a")}, commits=[commit("a", 9)])
    async with reviewing(kind, begin(), asked) as review:
        review.forge.remaining = 50
        review.forge.reset_at = review.world.clock() + 600_000
        review.deploy(commit("a", 9))
        await review.resolver.work()
        assert review.forge.remaining == 49
        assert review.resolver.pending == 1
        review.forge.remaining = 1000
        review.world.clock.advance(610_000)
        await review.resolver.work()
        assert review.shipped().pull_requests


@both
async def test_a_forge_that_fails_is_tried_again(kind: str, begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    asked = request(brings={sha("a")}, commits=[commit("a", 9)])
    async with reviewing(kind, begin(), asked) as review:
        review.forge.status = 500
        review.deploy(commit("a", 9))
        await review.resolver.work()
        review.world.clock.advance(30_000)
        await review.resolver.work()
        assert review.resolver.pending == 1
        assert [each.partition(" reason=")[0] for each in caplog.messages] == ["pull request lookup failed"]
        assert "token" not in caplog.text.replace("token=", "")
        review.forge.status = None
        review.world.clock.advance(30_000)
        with caplog.at_level("INFO"):
            await review.resolver.work()
        assert caplog.messages[-1] == "pull request lookup recovered"
        assert review.shipped().pull_requests
        assert review.resolver.pending == 0


@both
async def test_an_internal_error_is_logged_and_the_next_deployment_is_asked_for(
    kind: str, begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    asked = request(brings={sha("a")}, commits=[commit("a", 9)])
    refused, told = asyncio.Event(), asyncio.Event()

    def refuse(records: Sequence[Record]) -> list[Outcome]:
        refused.set()
        review.world.log.apply = accept
        raise TypeError(records)

    def accept(records: Sequence[Record]) -> list[Outcome]:
        told.set()
        return review.world.store.apply_all(records)

    async with reviewing(kind, begin(), asked) as review:
        review.world.log.apply = refuse
        review.deploy(commit("a", 9))
        review.resolver.start()
        await asyncio.wait_for(refused.wait(), 20)
        review.deploy(commit("a", 9), deployment_id="e" * 16)
        await asyncio.wait_for(told.wait(), 20)
    assert caplog.messages == ["pull request resolution failed"]
    assert review.shipped("e" * 16).pull_requests


@both
async def test_a_result_that_changed_meanwhile_is_looked_at_anew(kind: str, begin: Begin) -> None:
    asked = request(brings={sha("a"), sha("b")}, commits=[commit("a", 9), commit("b", 9)])
    async with reviewing(kind, begin(), asked) as review:
        review.deploy(commit("b", 9))

        def change() -> None:
            review.forge.meanwhile = None
            shipped = Shipped(NAME, sha("f"), (commit("a", 9),), base=sha("e"))
            review.world.store.apply(Resolution("d" * 16, shipped))

        review.forge.meanwhile = change
        await review.resolver.work()
        assert review.shipped().pull_requests == ()
        await review.resolver.work()
        assert [(each.sha, each.pull_request) for each in review.shipped().commits] == [(sha("a"), 0)]


async def test_git_alone_decides_whether_a_deployment_changed(begin: Begin, tmp_path: Path) -> None:
    """What a provider added is not taken away when Git says the same again."""
    shas = build(tmp_path / "shop", linear(3))
    asked = request(commits=[commit("a", 9), commit("b", 8)], squash_sha=shas[2], brings={shas[2]})
    async with reviewing("github", begin(), asked) as review:
        world = review.world
        world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1], NAME)
        first = world.deploy(shas[0], 0, repository=NAME)
        last = world.deploy(shas[2], 2, repository=NAME)
        await world.resolver.work()
        await review.resolver.work()
        assert [each.sha for each in world.shipped(last).commits] == [sha("a"), sha("b"), shas[1]]
        world.deploy(shas[0], 0.5, repository=NAME)
        world.delete(first)
        await world.resolver.work()
        assert [each.sha for each in world.shipped(last).commits] == [sha("a"), sha("b"), shas[1]]
        world.deploy(shas[1], 1, repository=NAME)
        await world.resolver.work()
        assert world.shas(last) == [shas[2]]
        await review.resolver.work()
        assert world.shas(last) == [sha("a"), sha("b")]


@both
async def test_a_source_lends_its_address_and_credentials(kind: str, begin: Begin) -> None:
    async with reviewing(kind, begin(), request(brings=[sha("a")]), is_lent=True) as review:
        review.deploy(commit("a", 7))
        await review.resolver.work()
        assert [each.number for each in review.shipped().pull_requests] == [1]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "needs a kind, or a source"),
        ({"source": "github", "kind": "github"}, "source brings its own kind"),
        ({"source": "github", "token": "secret"}, "source brings its own kind"),
    ],
)
def test_a_provider_has_credentials_of_its_own_or_of_a_source(said: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PullRequestSettings.model_validate(said)


def test_a_host_of_ones_own_needs_to_be_told_where_it_is() -> None:
    with pytest.raises(ValidationError, match="needs a base_url"):
        PullRequestSettings(kind="github", host="git.example")


@both
async def test_a_token_that_is_refused_or_no_text_is_a_mistake_until_it_is_not(
    kind: str, begin: Begin, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    asked = request(brings={sha("a")})
    async with reviewing(kind, begin(), asked, token_file=file) as review:
        review.deploy(commit("a", 9))
        found = {}
        for content in (b"", b"\xff", b"wrong", b"token"):
            file.write_bytes(content)
            await review.resolver.work()
            found[content] = review.resolver.forges["forge"].is_misconfigured
            review.world.clock.advance(HOUR_MS)
        assert found == {b"": True, b"\xff": True, b"wrong": True, b"token": False}
        assert len(review.shipped().pull_requests) == 1


@both
async def test_a_provider_may_have_a_certificate_of_a_private_authority(
    kind: str, begin: Begin, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issue(authority, tmp_path).configure_cert(context)
    asked = request(brings={sha("a")})
    tls = TlsConfig(ca_file=tmp_path / "ca.pem")
    async with reviewing(kind, begin(), asked, serves_tls=context, tls_config=tls) as review:
        review.deploy(commit("a", 9))
        await review.resolver.work()
        assert len(review.shipped().pull_requests) == 1
