"""Repositories that are mirrored from a real server."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr
from tests.commits.histories import Made, build, extend, git, linear, pack_of
from tests.commits.servers import GitServer, listening
from tests.commits.worlds import NAME, Begin

from dora_exporter.commits.settings import RepositorySettings
from dora_exporter.dora.events import DAY_MS, MINUTE_MS

TOKEN = "glpat-very-secret-0123"


async def test_a_configured_repository_is_mirrored_over_http(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(6))
    async with listening(GitServer(tmp_path / "served", TOKEN).application()) as port:
        url = f"http://127.0.0.1:{port}/shop.git"
        world = begin(configured={"shop": RepositorySettings(url=url, token=SecretStr(TOKEN), aliases=(NAME,))})
        world.deploy(shas[1], 0)
        last = world.deploy(shas[4], 1)
        await world.resolver.work()
    assert world.shas(last) == [shas[4], shas[3], shas[2]]
    health = next(iter(world.resolver.fetches.values()))
    assert (health.last_success_ms, health.errors) == (world.clock(), 0)
    assert world.repositories.configured["shop"].size_bytes > 0


async def test_only_commits_are_mirrored_unless_paths_count(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(3))
    url = f"file://{tmp_path}/served/shop.git"
    kinds = {}
    for number, patterns in enumerate(({}, {"checkout": ["files/**"]})):
        world = begin(configured={"shop": RepositorySettings(url=url, aliases=(NAME,))}, patterns=patterns)
        world.deploy(shas[0], 0)
        last = world.deploy(shas[2], 1)
        await world.resolver.work()
        mirror = world.repositories.configured["shop"].mirror
        assert mirror is not None
        listed = git(mirror.folder, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
        kinds[number] = set(listed)
        assert len(world.shas(last)) == 2
    assert kinds == {0: {"commit"}, 1: {"commit", "tree"}}


async def test_every_spelling_names_the_same_repository(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(6))
    settings = RepositorySettings(url=f"file://{tmp_path}/served/shop.git", aliases=("git@github.com:acme/shop.git",))
    world = begin(configured={"shop": settings})
    world.deploy(shas[1], 0, repository="github.com/acme/shop")
    last = world.deploy(shas[4], 1, repository=f"localhost{tmp_path}/served/shop")
    await world.resolver.work()
    assert len(world.shas(last)) == 3


@pytest.mark.parametrize(
    ("configured", "named"),
    [
        ("github.com/Acme/shop", ["github.com/acme/Shop", "www.github.com/acme/shop"]),
        ("dev.azure.com/acme/_git/shop", ["ssh.dev.azure.com/v3/acme/shop/shop", "acme.visualstudio.com/_git/shop"]),
        ("bitbucket.example/scm/WEB/shop", ["bitbucket.example/web/shop", "bitbucket.example/projects/WEB/repos/shop"]),
    ],
)
async def test_a_mirror_is_found_by_every_spelling_of_its_names(
    begin: Begin, tmp_path: Path, configured: str, named: list[str]
) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(6))
    settings = RepositorySettings(url=f"file://{tmp_path}/served/shop.git", aliases=(f"https://{configured}",))
    world = begin(configured={"shop": settings})
    world.deploy(shas[1], 0, repository=named[0])
    last = world.deploy(shas[4], 1, repository=named[1])
    await world.resolver.work()
    assert len(world.shas(last)) == 3


async def test_uploads_under_two_spellings_are_one_repository(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(6))
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shas[2]]), shas[2], "git.example/Acme/shop")
    world.upload(pack_of(tmp_path / "shop", [shas[5]], [shas[2]]), shas[5], "git.example/acme/Shop")
    assert len(world.repositories.uploaded()) == 1
    world.deploy(shas[0], 0, repository="git.example/acme/shop")
    last = world.deploy(shas[4], 1, repository="git.example/ACME/shop")
    await world.resolver.work()
    assert len(world.shas(last)) == 4


async def test_folders_of_two_spellings_that_an_older_version_left_become_one(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(6))
    world = begin()
    world.upload(pack_of(tmp_path / "shop", [shas[2]]), shas[2], "git.example/acme/shop")
    world.upload(pack_of(tmp_path / "shop", [shas[5]], [shas[2]]), shas[5], "git.example/else")
    marker = next(each for each in world.repositories.folder.glob("*/name") if "else" in each.read_text())
    marker.write_text("git.example/Acme/Shop\n")
    marker.parent.rename(world.repositories.folder_of("git.example/Acme/Shop"))
    for _ in range(2):
        again = begin(store=world.store)
        assert len(again.repositories.uploaded()) == 1
        found = again.repositories.find("git.example/ACME/shop")
        assert found is not None
        found.refresh()
        assert found.knows(shas[5])
        assert found.knows(shas[0])


async def test_the_name_of_an_annotated_tag_stands_for_its_commit(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(7))
    for name, target in (("v1", shas[1]), ("v2", shas[4]), ("v3", shas[6]), ("of-v3", "v3")):
        git(served, "tag", "-a", "-m", "Release", name, target)
    tags = [git(served, "rev-parse", name) for name in ("v1", "v2", "of-v3")]
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    ids = [world.deploy(sha, hour) for hour, sha in enumerate(tags)]
    again = world.deploy(shas[6], 3)
    await world.resolver.work()
    assert world.shas(ids[1]) == [shas[4], shas[3], shas[2]]
    assert world.shas(ids[2]) == [shas[6], shas[5]]
    assert world.shas(again) == []
    assert (world.resolver.pending, world.shipped(ids[1]).base) == (0, tags[0])


async def test_a_tag_that_no_branch_or_tag_names_any_more_is_fetched(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(4))
    git(served, "config", "uploadpack.allowAnySHA1InWant", "true")
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.deploy(shas[0], 0)
    await world.resolver.work()
    git(served, "tag", "-a", "-m", "Release", "v1", shas[3])
    tag = git(served, "rev-parse", "v1")
    git(served, "update-ref", "-d", "refs/tags/v1")
    world.clock.advance(MINUTE_MS)
    last = world.deploy(tag, 1)
    await world.resolver.work()
    assert world.shas(last) == shas[:0:-1]


async def test_a_tag_of_a_tree_keeps_no_commit_from_being_fetched(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(4))
    git(served, "tag", "-a", "-m", "As Linux has it", "a-tree", f"{shas[1]}^{{tree}}")
    git(served, "tag", "-a", "-m", "A tag of it", "of-a-tree", "a-tree")
    git(served, "tag", "-a", "-m", "As Git has it", "a-file", f"{shas[1]}:{_first_file(served, shas[1])}")
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.deploy(shas[1], 0)
    last = world.deploy(shas[3], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[3], shas[2]]
    assert [each.problem for each in world.resolver.fetches.values()] == [None]


async def test_tags_that_lead_to_no_commit_are_unknown(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(3))
    git(served, "tag", "-a", "-m", "A tree", "tree", f"{shas[1]}^{{tree}}")
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.deploy(shas[0], 0)
    odd = world.deploy(git(served, "rev-parse", "tree"), 1)
    await world.resolver.work()
    assert world.held(odd).shipped is None


async def test_an_unknown_commit_is_fetched_on_demand(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(3))
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.deploy(shas[0], 0)
    await world.resolver.work()
    shas += extend(served, [Made((-1,)), Made((0,))], onto=shas)
    world.clock.advance(MINUTE_MS)
    last = world.deploy(shas[4], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[4], shas[3], shas[2], shas[1]]


async def test_a_clock_that_was_ahead_holds_no_fetch_up(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(3))
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.clock.advance(DAY_MS)
    world.deploy(shas[0], 0)
    await world.resolver.work()
    world.clock.advance(-DAY_MS)
    shas += extend(served, [Made((-1,))], onto=shas)
    last = world.deploy(shas[3], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[3], shas[2], shas[1]]


async def test_a_deployment_that_is_rarely_tried_again_is_so_when_a_fetch_brings_something(
    begin: Begin, tmp_path: Path
) -> None:
    served = tmp_path / "served" / "shop.git"
    build(served, linear(3))
    shas = build(tmp_path / "later", linear(4))
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.deploy(shas[0], 0)
    last = world.deploy(shas[3], 1)
    for _ in range(2):
        world.clock.advance(2 * DAY_MS)
        await world.resolver.work()
    assert world.held(last).shipped is None
    shutil.rmtree(served)
    (tmp_path / "later").rename(served)
    world.clock.advance(5 * MINUTE_MS)
    await world.resolver.work()
    assert world.shas(last) == [shas[3], shas[2], shas[1]]


async def test_repositories_are_fetched_on_a_schedule(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(3))
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    health = next(iter(world.resolver.fetches.values()))
    await world.resolver.work()
    first = health.last_success_ms
    shas += extend(served, [Made((-1,))], onto=shas)
    world.clock.advance(4 * MINUTE_MS)
    await world.resolver.work()
    assert health.last_success_ms == first
    world.clock.advance(MINUTE_MS)
    await world.resolver.work()
    assert health.last_success_ms == world.clock()
    assert world.repositories.configured["shop"].knows(shas[3])


async def test_commits_that_a_forced_push_threw_away_are_kept_or_fetched_by_name(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(4))
    thrown_away = extend(served, [Made((-1,)), Made((0,))], onto=shas[:3])
    for branch in git(served, "for-each-ref", "--format=%(refname)").split():
        if branch != "refs/heads/main":
            git(served, "update-ref", "-d", branch)
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.deploy(shas[0], 0)
    await world.resolver.work()
    git(served, "update-ref", "refs/heads/main", shas[3])
    world.clock.advance(10 * MINUTE_MS)
    kept = world.deploy(thrown_away[1], 1)
    await world.resolver.work()
    assert len(world.shas(kept)) == 4
    never_seen = extend(served, [Made((-1,), message="never on a branch")], onto=shas)[0]
    git(served, "update-ref", "refs/heads/main", shas[3])
    git(served, "update-ref", "-d", "refs/heads/made-0")
    world.clock.advance(MINUTE_MS)
    single = world.deploy(never_seen, 2)
    await world.resolver.work()
    assert set(world.shas(single)) == {never_seen, shas[3]}


async def test_an_upload_and_a_mirror_of_one_repository_are_one(begin: Begin, tmp_path: Path) -> None:
    served = tmp_path / "served" / "shop.git"
    shas = build(served, linear(3))
    ahead = build(tmp_path / "ahead", linear(6))
    assert ahead[:3] == shas
    world = begin(configured={"shop": RepositorySettings(url=f"file://{served}", aliases=(NAME,))})
    world.upload(pack_of(tmp_path / "ahead", [ahead[5]], [ahead[2]]), ahead[5])
    world.deploy(shas[1], 0)
    last = world.deploy(ahead[5], 1)
    await world.resolver.work()
    assert world.shas(last) == ahead[:1:-1]


async def test_a_server_that_fails_is_reported_and_tried_again(
    begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(6))
    server = GitServer(tmp_path / "served", "another token")
    async with listening(server.application()) as port:
        url = f"http://127.0.0.1:{port}/shop.git"
        world = begin(configured={"shop": RepositorySettings(url=url, token=SecretStr(TOKEN), aliases=(NAME,))})
        world.deploy(shas[1], 0)
        last = world.deploy(shas[4], 1)
        await world.resolver.work()
        health = next(iter(world.resolver.fetches.values()))
        assert health.errors == 1
        assert health.last_success_ms is None
        assert health.is_misconfigured
        assert [each.partition(" reason=")[0] for each in caplog.messages] == [
            "repository fetch failed repository=shop"
        ]
        server.token = TOKEN
        world.clock.advance(30_000)
        with caplog.at_level("INFO"):
            await world.resolver.work()
    assert len(world.shas(last)) == 3
    assert caplog.records[-1].getMessage() == "repository fetch recovered repository=shop"
    assert (health.is_misconfigured, health.problem) == (False, None)


async def test_a_server_that_fails_is_not_asked_for_single_commits_too(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(2))
    server = GitServer(tmp_path / "served", "another token")
    async with listening(server.application()) as port:
        url = f"http://127.0.0.1:{port}/shop.git"
        world = begin(configured={"shop": RepositorySettings(url=url, token=SecretStr(TOKEN), aliases=(NAME,))})
        await world.resolver.work()
        asked_by_a_fetch = server.asked
        world.clock.advance(MINUTE_MS)
        world.deploy(shas[0], 0)
        world.deploy(shas[1], 1)
        await world.resolver.work()
    assert server.asked == 2 * asked_by_a_fetch > 0


async def test_a_token_is_in_no_process_list_no_log_and_no_file(
    begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path / "served" / "shop.git", linear(3))
    server = GitServer(tmp_path / "served", TOKEN)
    server.released.clear()
    async with listening(server.application()) as port:
        url = f"http://me@127.0.0.1:{port}/shop.git"
        world = begin(configured={"shop": RepositorySettings(url=url, token=SecretStr(TOKEN))})
        with caplog.at_level("DEBUG"):
            working = asyncio.create_task(world.resolver.work())
            async with asyncio.timeout(20):
                await server.reached.wait()
            processes = b"".join(_processes())
            assert b"remote-http" in processes
            server.released.set()
            await working
    secrets = [TOKEN.encode(), server.authorizations[0].split()[1].encode()]
    assert len(secrets[1]) > 20
    found = b"".join(each.read_bytes() for each in (tmp_path / "git").rglob("*") if each.is_file())
    for secret in secrets:
        assert secret not in processes
        assert secret not in found
        assert secret.decode() not in caplog.text
    assert next(iter(world.resolver.fetches.values())).errors == 0


def _processes() -> list[bytes]:
    """The arguments and the surroundings of every process of this machine, but for those of this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) != os.getpid():
            try:
                found += [(folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()]
            except OSError:
                continue
    return found


async def test_a_token_is_not_taken_to_where_a_server_redirects(begin: Begin, tmp_path: Path) -> None:
    thief = GitServer(tmp_path / "served", "x")

    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://127.0.0.1:{ports[0]}{request.path_qs}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", redirect)
    async with listening(thief.application()) as port, listening(app) as first:
        ports = [port]
        url = f"http://127.0.0.1:{first}/shop.git"
        world = begin(configured={"shop": RepositorySettings(url=url, token=SecretStr(TOKEN))})
        await world.resolver.work()
    assert thief.asked == 0
    assert next(iter(world.resolver.fetches.values())).errors == 1


async def test_a_token_comes_from_a_file_that_may_change(begin: Begin, tmp_path: Path) -> None:
    build(tmp_path / "served" / "shop.git", linear(3))
    file = tmp_path / "token"
    async with listening(GitServer(tmp_path / "served", TOKEN).application()) as port:
        url = f"http://127.0.0.1:{port}/shop.git"
        world = begin(configured={"shop": RepositorySettings(url=url, token_file=file)})
        await world.resolver.work()
        file.write_text(f"{TOKEN}\n")
        world.clock.advance(5 * MINUTE_MS)
        await world.resolver.work()
    health = next(iter(world.resolver.fetches.values()))
    assert (health.errors, health.is_failing) == (1, False)


async def test_a_name_in_an_event_is_never_a_place_to_fetch_from(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(3))
    server = GitServer(tmp_path / "served")
    async with listening(server.application()) as port:
        world = begin()
        world.deploy(shas[0], 0, repository=f"127.0.0.1:{port}/shop")
        last = world.deploy(shas[2], 1, repository=f"127.0.0.1:{port}/shop")
        await world.resolver.work()
    assert server.asked == 0
    assert world.held(last).shipped is None


async def test_a_repository_without_commits_is_no_failure(begin: Begin, tmp_path: Path) -> None:
    build(tmp_path / "served" / "shop.git", [])
    world = begin(configured={"shop": RepositorySettings(url=f"file://{tmp_path}/served/shop.git")})
    await world.resolver.work()
    assert next(iter(world.resolver.fetches.values())).errors == 0


async def test_ssh_is_called_with_the_key_and_asks_nobody(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for ``ssh`` notes its arguments and serves what it is asked for."""
    shas = build(tmp_path / "served" / "shop.git", linear(3))
    programs = tmp_path / "programs"
    programs.mkdir()
    script = f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\nfor last; do :; done\neval "exec $last"\n'
    (programs / "ssh").write_text(script)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    url = f"ssh://git@forge.example{tmp_path}/served/shop.git"
    settings = RepositorySettings(url=url, ssh_key_file=tmp_path / "a key", aliases=(NAME,))
    world = begin(configured={"shop": settings})
    world.deploy(shas[0], 0)
    last = world.deploy(shas[2], 1)
    await world.resolver.work()
    assert len(world.shas(last)) == 2
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:2] == ["-F", "/dev/null"]
    assert "BatchMode=yes" in arguments
    assert arguments[arguments.index("-i") + 1] == str(tmp_path / "a key")
    assert "git@forge.example" in arguments


def _first_file(folder: Path, sha: str) -> str:
    return git(folder, "ls-tree", "-r", "--name-only", sha).splitlines()[0]
