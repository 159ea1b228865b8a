"""GitHub polled: the past, what is new, what goes on, limits, outages, and how polls and webhooks meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.builders import DAY_MS, HOUR_MS, MINUTE_MS
from tests.sources.fake_github import TOKEN, FakeGitHub
from tests.sources.github_daemon import GitHubDaemon, a_daemon
from tests.sources.github_lives import expected, held, live

from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.github.graphql import nodes_of

HISTORIES = 40


@asynccontextmanager
async def polled(**settings: object) -> AsyncIterator[tuple[FakeGitHub, GitHubDaemon]]:
    """A new GitHub and a daemon that polls it."""
    async with a_daemon() as daemon:
        fake = FakeGitHub(daemon.clock)
        async with TestServer(fake.application()) as server:
            base_url = str(server.make_url("")).rstrip("/")
            given = {"base_url": base_url, "token": TOKEN, "organizations": ["acme"], **settings}
            await daemon.start(**given)
            yield fake, daemon


async def test_the_first_pass_reads_the_past_and_the_next_what_is_new() -> None:
    async with polled() as (fake, daemon):
        repository = fake.repository()
        for day in range(120):
            at = daemon.clock() // 1000 * 1000 - (120 - day) * DAY_MS
            fake.deploy(repository, "in_progress", "success", created_ms=at)
        await daemon.poll()
        assert len(daemon.deployments) in (89, 90)
        new = fake.deploy(repository, "success", payload={"service": "search"})
        daemon.clock.advance(5 * MINUTE_MS)
        await daemon.poll()
        event = daemon.store.deployments[f"gh:{new.id}"]
        assert (event.service, event.repository, event.commit_sha) == ("search", "github.com/acme/shop", new.sha)
        assert daemon.running.health.is_up


async def test_what_went_on_is_asked_about_until_it_ended() -> None:
    async with polled() as (fake, daemon):
        repository = fake.repository()
        made = fake.deploy(repository, "queued", "in_progress")
        await daemon.poll()
        assert daemon.deployments == []
        daemon.clock.advance(2 * DAY_MS)
        await daemon.poll()
        made.statuses.append(("success", daemon.clock() // 1000 * 1000))
        await daemon.start()
        for _ in range(30):
            fake.deploy(repository, "success")
        daemon.clock.advance(MINUTE_MS)
        await daemon.poll()
        assert held(daemon) == expected(fake)


async def test_a_poll_that_finds_an_earlier_beginning_brings_the_ends_that_no_webhook_told() -> None:
    async with polled() as (fake, daemon):
        repository = fake.repository()
        made = fake.deploy(repository)
        for state in ("failure", "success", "in_progress", "in_progress"):
            daemon.clock.advance(MINUTE_MS)
            made.statuses.append((state, daemon.clock() // 1000 * 1000))
        for told in (0, 3):
            assert await daemon.push_straight("deployment_status", fake.delivery(repository, made, told))
        await daemon.poll()
        assert held(daemon) == expected(fake)


async def test_a_deployment_may_have_a_number_that_is_too_large_for_graphql() -> None:
    async with polled() as (fake, daemon):
        repository = fake.repository()
        fake.last_id = 2**31
        made = fake.deploy(repository, "success")
        await daemon.poll()
        assert await daemon.push_straight("deployment_status", fake.delivery(repository, made))
        assert [each.id for each in daemon.deployments] == [f"gh:{2**31 + 1}"]


async def test_a_deployment_may_have_many_statuses() -> None:
    async with polled() as (fake, daemon):
        fake.deploy(fake.repository(), *["queued"] * 150, "in_progress", "success")
        daemon.clock.advance(HOUR_MS)
        await daemon.poll()
        assert held(daemon) == expected(fake)


async def test_five_hundred_repositories_are_read_within_the_limits() -> None:
    async with polled() as (fake, daemon):
        for number in range(500):
            repository = fake.repository(f"acme/repository-{number}")
            for back in range(100, 0, -1):
                fake.deploy(repository, "success", created_ms=daemon.clock() // 1000 * 1000 - back * HOUR_MS)
        await daemon.poll()
        assert len(daemon.deployments) == 50_000
        assert len(fake.requests) <= 5000
        assert daemon.log.largest_append <= 100

        fake.requests.clear()
        daemon.clock.advance(5 * MINUTE_MS)
        await daemon.poll()
        assert daemon.running.health.is_up
        assert len(fake.requests) <= 60


async def test_a_back_fill_that_failed_goes_on_where_it_was() -> None:
    async with polled() as (fake, daemon):
        for number in range(60):
            fake.deploy(fake.repository(f"acme/r{number}"), "success", created_ms=daemon.clock() - DAY_MS)
        fake.interfere = lambda: web.Response(status=404) if len(fake.requests) > 2 else None
        await daemon.poll()
        assert len(daemon.deployments) == 25
        assert daemon.running.condition.endswith("; reads the past: 25 of 60 repositories")
        fake.interfere = lambda: None
        fake.requests.clear()
        await daemon.poll()
        assert len(daemon.deployments) == 60
        assert len(fake.requests) == 3
        assert daemon.running.condition == "works"


async def test_a_back_fill_whose_repositories_are_not_known_says_nothing_of_them() -> None:
    async with polled() as (fake, daemon):
        fake.interfere = lambda: web.Response(status=404)
        await daemon.poll()
        assert not daemon.running.health.is_up
        assert "reads the past" not in daemon.running.condition


async def test_a_back_fill_goes_on_after_a_restart_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with polled() as (fake, daemon):
        for number in range(60):
            repository = fake.repository(f"acme/r{number}")
            fake.deploy(repository, "success", created_ms=daemon.clock() - DAY_MS)
        went_on = fake.deploy(fake.repositories[0], "in_progress", created_ms=daemon.clock() - DAY_MS)
        fake.interfere = lambda: web.Response(status=404) if len(fake.requests) > 3 else None
        await daemon.poll()
        assert len(daemon.deployments) == 50

        fake.interfere = lambda: None
        fake.requests.clear()
        went_on.statuses.append(("success", daemon.clock()))
        daemon.clock.advance(MINUTE_MS)
        await daemon.start()
        await daemon.poll()
        assert held(daemon) == expected(fake)
        assert len(fake.requests) == 3, "the list of repositories, the ten that were left, the one that went on"
        assert [line for line in caplog.messages if "reading the past" in line][-1].endswith("read=60 of=60")
        assert daemon.store.cursors["gh/notes"] == {}


async def test_a_back_fill_by_other_settings_begins_anew() -> None:
    async with polled() as (fake, daemon):
        for number in range(60):
            fake.deploy(fake.repository(f"acme/r{number}"), "success", created_ms=daemon.clock() - DAY_MS)
        fake.interfere = lambda: web.Response(status=404) if len(fake.requests) > 2 else None
        await daemon.poll()
        fake.interfere = lambda: None
        await daemon.start(services=[{"repository": "*", "service": "one"}])
        await daemon.poll()
        assert {each.service for each in daemon.deployments} == {"one"}


@pytest.mark.parametrize("headers", [{"Retry-After": "60"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}])
@pytest.mark.parametrize("status", [403, 429])
async def test_a_limit_is_waited_for(headers: dict[str, str], status: int) -> None:
    async with polled() as (fake, daemon):
        fake.deploy(fake.repository(), "success")
        fake.interfere = lambda: (
            web.json_response({"message": "limit"}, status=status, headers=headers) if len(fake.requests) == 1 else None
        )
        await daemon.poll()
        assert daemon.running.health.is_up
        assert len(daemon.deployments) == 1
        assert daemon.slept == [60.0]


async def test_a_secondary_limit_is_waited_for_and_not_the_hour() -> None:
    async with polled() as (fake, daemon):
        fake.deploy(fake.repository(), "success")
        headers = {"Retry-After": "30", "X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "800"}
        fake.interfere = lambda: web.Response(status=403, headers=headers) if len(fake.requests) == 1 else None
        await daemon.poll()
        assert (daemon.running.health.is_up, daemon.slept) == (True, [30.0])


async def test_an_exhausted_limit_in_a_good_answer_is_waited_for() -> None:
    async with polled() as (fake, daemon):
        fake.deploy(fake.repository(), "success")
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}
        body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
        fake.interfere = lambda: web.json_response(body, headers=headers) if len(fake.requests) == 1 else None
        await daemon.poll()
        assert (daemon.running.health.is_up, daemon.slept) == (True, [60.0])


async def test_a_wrong_token_is_told_once_and_heals(caplog: pytest.LogCaptureFixture) -> None:
    async with polled() as (fake, daemon):
        fake.deploy(fake.repository(), "success")
        fake.token = "another"
        for _ in range(3):
            await daemon.poll()
        fake.token = TOKEN
        caplog.set_level("INFO")
        await daemon.poll()
        lines = [each.getMessage() for each in caplog.records if "source is" in each.getMessage()]
        assert len(lines) == 1
        assert "misconfigured" in lines[0]
        assert TOKEN not in caplog.text
        assert "source recovered" in caplog.text
        assert len(daemon.deployments) == 1


@pytest.fixture
def app_key(tmp_path: Path) -> rsa.RSAPrivateKey:
    """The key of an App, which is in ``key.pem``."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return key


def an_app(folder: Path) -> dict[str, object]:
    """The settings of an App."""
    return {"token": None, "app_id": 7, "installation_id": 9, "private_key_file": folder / "key.pem"}


async def test_an_app_asks_with_tokens_of_its_installation(tmp_path: Path, app_key: rsa.RSAPrivateKey) -> None:
    async with polled(**an_app(tmp_path)) as (fake, daemon):
        fake.app_key = app_key.public_key()
        fake.deploy(fake.repository(), "success")
        await daemon.poll()
        await daemon.poll()
        assert (daemon.running.health.is_up, len(daemon.deployments), fake.requests.count("token")) == (True, 1, 1)

        daemon.clock.advance(HOUR_MS)
        fake.token = "the next one"
        await daemon.poll()
        assert (daemon.running.health.is_up, fake.requests.count("token")) == (True, 2)

        (tmp_path / "key.pem").write_text("no key")
        daemon.clock.advance(HOUR_MS)
        health = await daemon.poll()
        assert (health.problem, health.is_misconfigured) == ("private_key_file holds no RSA key in PEM", True)


async def test_a_token_of_an_app_that_is_refused_is_not_used_again(tmp_path: Path, app_key: rsa.RSAPrivateKey) -> None:
    async with polled(**an_app(tmp_path)) as (fake, daemon):
        fake.app_key = app_key.public_key()
        fake.deploy(fake.repository(), "success")
        await daemon.poll()
        fake.token = "the next one"
        await daemon.poll()
        assert daemon.running.health.is_misconfigured
        await daemon.poll()
        assert (daemon.running.health.is_up, fake.requests.count("token")) == (True, 2)


async def test_an_enterprise_server_has_its_apis_in_folders() -> None:
    async with polled(transient=False) as (fake, daemon):
        base_url = f"{daemon.settings['base_url']}/api/v3"
        fake.deploy(fake.repository(), "success")
        await daemon.start(base_url=base_url)
        await daemon.poll()
        assert (daemon.running.health.is_up, len(daemon.deployments)) == (True, 1)
        assert "rest" in fake.requests


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"{", "GitHub's answer is broken"),
        (b'{"data": null, "errors": [{"type": "X", "message": "went wrong"}]}', "went wrong"),
        (b'{"data": {"repositoryOwner": {"repositories": 7}}}', "an unexpected shape"),
        (b'{"data": {"repositoryOwner": null}}', "no organization or user acme"),
        (b"{}", "GitHub refuses the query: it has no data"),
    ],
)
async def test_a_strange_answer_is_a_failed_pass(answer: bytes, words: str) -> None:
    async with polled() as (fake, daemon):
        fake.interfere = lambda: web.Response(body=answer, content_type="application/json")
        assert words in ((await daemon.poll()).problem or "")


@pytest.mark.parametrize("data", [{}, {"nodes": None}, {"nodes": {}}])
def test_an_answer_without_a_list_of_nodes_is_unreadable(data: dict[str, object]) -> None:
    with pytest.raises(Unreadable, match="has no nodes"):
        nodes_of(data)


def test_of_the_nodes_of_an_answer_those_with_fields_are_read() -> None:
    assert nodes_of({"nodes": [{"id": "a"}, None, {}, 7, {"id": "b"}]}) == [{"id": "a"}, {"id": "b"}]


async def test_the_filters_hold_for_polls() -> None:
    async with polled(transient=False, refs=["main"], environments=["prod*"], exclude_repositories=["old"]) as (
        fake,
        daemon,
    ):
        repository = fake.repository()
        repository.deleted.add("gone")
        good = fake.deploy(repository, "success")
        for changes in ({"transient": True}, {"ref": "other"}, {"ref": "gone"}, {"environment": "test"}):
            fake.deploy(repository, "success", **changes)
        fake.deploy(fake.repository("acme/old"), "success")
        await daemon.poll()
        assert list(held(daemon)) == [f"gh:{good.id}"]
        assert fake.requests.count("rest") == 1


async def test_a_deleted_branch_is_known_by_its_name() -> None:
    async with polled(refs=["feature"]) as (fake, daemon):
        repository = fake.repository()
        repository.deleted.add("feature")
        for _ in range(150):
            fake.deploy(repository, "success", ref="feature")
        await daemon.poll()
        assert len(daemon.deployments) == 150


async def test_a_repository_that_moves_loses_and_doubles_nothing() -> None:
    async with polled() as (fake, daemon):
        repository = fake.repository()
        fake.deploy(repository, "success")
        await daemon.poll()
        repository.full_name = "acme/store"
        fake.deploy(repository, "success")
        daemon.clock.advance(MINUTE_MS)
        await daemon.poll()
        assert held(daemon) == expected(fake)


async def test_what_was_deleted_stays_and_is_not_asked_for_again() -> None:
    async with polled() as (fake, daemon):
        repository = fake.repository()
        fake.deploy(repository, "success")
        fake.deploy(repository, "in_progress")
        await daemon.poll()
        repository.deployments.clear()
        await daemon.poll()
        assert len(daemon.deployments) == 1
        assert daemon.running.health.is_up


async def test_a_random_life_seen_by_webhook_poll_failure_and_restart_ends_in_the_state_that_github_has() -> None:
    async with polled() as (fake, daemon):
        for seed in range(HISTORIES):
            await live(fake, daemon, seed)
