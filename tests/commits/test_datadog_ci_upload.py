"""The real ``datadog-ci git-metadata upload``, through TLS, as pipelines run it."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.commits.histories import git
from tests.commits.servers import KEY, listening, taking_uploads
from tests.commits.worlds import NAME, Begin, World
from tests.e2e.programs import program
from tests.e2e.tunnel import tunnel_to

pytestmark = pytest.mark.e2e


@dataclass
class Pipeline:
    """A checkout, and the command line in an environment that leads it to the endpoints of a world."""

    world: World
    checkout: Path
    environment: dict[str, str]

    def commit(self, name: str, *options: str) -> str:
        """Commits a file."""
        (self.checkout / name).write_text(name)
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "--quiet", f"--message={name}", *options)
        return git(self.checkout, "rev-parse", "HEAD")

    async def upload(self, folder: Path | None = None) -> str:
        """Runs the command, which must not fail; returns what it said."""
        process = await asyncio.create_subprocess_exec(
            *(program("datadog-ci"), "git-metadata", "upload"),
            cwd=folder or self.checkout,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, said
        return said


@pytest.fixture
async def pipeline(begin: Begin, tmp_path: Path) -> AsyncIterator[Pipeline]:
    """A checkout with a remote, and a world behind TLS."""
    world = begin()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("api.dora.test", "sourcemap-intake.dora.test").configure_cert(context)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git(checkout, "init", "--quiet", "--initial-branch=main", ".")
    git(checkout, "remote", "add", "origin", f"https://user:secret@{NAME}.git")
    async with listening(taking_uploads(world), ssl_context=context) as port:
        with tunnel_to(port) as proxy:
            environment = {
                "DD_SITE": "dora.test",
                "DD_API_KEY": KEY,
                "HTTPS_PROXY": proxy,
                "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem"),
            }
            yield Pipeline(world, checkout, environment)


async def test_two_uploads_and_two_deployments_give_lead_times(pipeline: Pipeline) -> None:
    shas = [pipeline.commit(name) for name in ("a", "b")]
    said = await pipeline.upload()
    assert "Successfully synced git DB" in said
    assert "arning" not in said
    first = pipeline.world.deploy(shas[-1], 0)
    git(pipeline.checkout, "checkout", "--quiet", "-b", "branch", "HEAD~1")
    shas.append(pipeline.commit("c"))
    git(pipeline.checkout, "checkout", "--quiet", "main")
    git(pipeline.checkout, "merge", "--quiet", "--no-ff", "--message=both", "branch")
    shas.append(pipeline.commit("d"))
    second = pipeline.world.deploy(shas[-1], 1)
    await pipeline.world.resolver.work()
    assert pipeline.world.resolver.pending == 1
    said = await pipeline.upload()
    assert "arning" not in said
    await pipeline.world.resolver.work()
    assert pipeline.world.shipped(first).left_out == {"first": 1}
    assert pipeline.world.shas(second) == [shas[3], shas[2]]
    assert pipeline.world.shipped(second).left_out == {"merge": 1}
    said = await pipeline.upload()
    assert "arning" not in said


async def test_history_that_the_command_line_cuts_off_is_partial(pipeline: Pipeline) -> None:
    """It uploads the commits of a month: the older part of a branch never comes."""
    base = pipeline.commit("base")
    git(pipeline.checkout, "checkout", "--quiet", "-b", "branch")
    tree = git(pipeline.checkout, "rev-parse", "HEAD^{tree}")
    old = commit_of_2020(pipeline.checkout, tree, base)
    git(pipeline.checkout, "reset", "--quiet", "--hard", old)
    young = pipeline.commit("young")
    git(pipeline.checkout, "checkout", "--quiet", "main")
    git(pipeline.checkout, "merge", "--quiet", "--no-ff", "--message=both", "branch")
    last = pipeline.commit("last")
    await pipeline.upload()
    pipeline.world.deploy(base, 0)
    deployed = pipeline.world.deploy(last, 1)
    await pipeline.world.resolver.work()
    assert set(pipeline.world.shas(deployed)) == {young, last}
    assert pipeline.world.shipped(deployed).left_out == {"merge": 1, "partial": 1}


def commit_of_2020(folder: Path, tree: str, parent: str) -> str:
    """A commit that was made long ago."""
    person = "Ann <ann@example.test> 1577836800 +0000"
    raw = f"tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n\nold\n".encode()
    return git(folder, "hash-object", "-w", "-t", "commit", "--stdin", given=raw)
