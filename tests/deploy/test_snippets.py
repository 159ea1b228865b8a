"""The snippets for pipelines: linted, and the shell in them run as the CI servers run it, against the daemon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.cli.calling import Ended
from tests.deploy import snippets
from tests.deploy.manifests import check
from tests.deploy.snippets import ACTION, SHELLS, SNIPPETS, Shell
from tests.docs import manual
from tests.dora_send.providers import SHA
from tests.dora_send.sending import SECONDS, SOURCE, listed
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import program

KEY = "sesame-open-0123"
PAGE = "docs/sending-events/from-your-pipeline.md"
PEOPLE = {f"GIT_{who}_{what}": f"{who}@example.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
URLS = ("https://dora.example.com", "http://dora-exporter:3672")
STAND_INS = {
    "pip": "exit 0",
    "pipx": '[ "$1 $2" = "run dora-send" ] || exit 99; shift 2; exec "{python}" -m dora_send "$@"',
    "dora-send": 'exec "{python}" -m dora_send "$@"',
    "dora-exporter": 'exec "{python}" -m dora_exporter "$@"',
    "python3": 'exec "{python}" "$@"',
}
"""What the images and agents have; nothing is fetched from a registry."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon with a key."""
    with Daemon(tmp_path_factory.mktemp("daemon"), {"api_keys": [KEY]}).running() as running:
        yield running


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a script that deploys."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "deploy.sh").write_text('#!/bin/sh\necho "$0" >> deployed\nexit "${CODE:-0}"\n')
    (folder / "deploy.sh").chmod(0o755)
    commands = (
        "git init -q && git remote add origin https://x:y@git.example/acme/shop && git commit -qm 1 --allow-empty"
    )
    subprocess.run(["sh", "-c", commands], cwd=folder, env={**os.environ, **PEOPLE}, check=True)
    return folder


def execute(shell: Shell, name: str, folder: Path, daemon: RunningDaemon, **variables: str) -> Ended:
    """Runs it by bash, with what the CI server sets."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    for tool, text in STAND_INS.items():
        (tools / tool).write_text(f"#!/bin/sh\n{text.format(python=sys.executable)}\n")
        (tools / tool).chmod(0o755)
    given = {**snippets.environment(name), **shell.variables, **variables, "DORA_SEND_API_KEY": KEY}
    text = shell.text
    for url in URLS:
        text = text.replace(url, daemon.url)
        given = {name: value.replace(url, daemon.url) for name, value in given.items()}
    path = os.pathsep.join((str(tools), os.environ["PATH"]))
    done = subprocess.run(
        [program("bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=folder,
        env={"PATH": path, "PYTHONPATH": os.pathsep.join((str(SOURCE), *sys.path)), **given},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=SECONDS,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", SHELLS)
def test_a_snippet_reports_a_deployment(daemon: RunningDaemon, checkout: Path, name: str) -> None:
    before = listed(daemon, "checkout", key=KEY)

    ended = execute(SHELLS[name](), name, checkout, daemon)

    assert ended.code == 0, ended.errors
    (found,) = [each for each in listed(daemon, "checkout", key=KEY) if each not in before]
    attributes = found["attributes"]
    in_cluster = name in {"tekton", "argo"}
    assert found["id"].startswith(f"run-of-{name}" if in_cluster else f"{name.partition(' ')[0]}:")
    assert attributes["env"] == "production"
    assert attributes["git"]["repository_id"] == "git.example/acme/shop"
    assert (attributes["git"]["commit_sha"] == SHA) == in_cluster
    assert (checkout / "deployed").exists() != in_cluster
    assert KEY not in ended.output + ended.errors


@pytest.mark.parametrize("name", [name for name in SHELLS if name not in {"tekton", "argo"}])
def test_a_script_that_fails_fails_the_step(daemon: RunningDaemon, checkout: Path, name: str) -> None:
    assert execute(SHELLS[name](), name, checkout, daemon, CODE="7").code == 7


@pytest.mark.parametrize(("name", "status"), [("tekton", "None"), ("tekton", "Failed"), ("argo", "Error")])
def test_in_a_cluster_the_status_is_the_outcome(daemon: RunningDaemon, checkout: Path, name: str, status: str) -> None:
    ended = execute(SHELLS[name](), name, checkout, daemon, STATUS=status, ID=f"run-of-{name}-{status}")

    known = {each["id"] for each in listed(daemon, "checkout", key=KEY)}
    assert ended.code == 0
    assert (f"run-of-{name}-{status}-checkout" in known) == (status != "None")


def test_the_action_takes_what_is_hostile_as_it_is(daemon: RunningDaemon, checkout: Path) -> None:
    name = "$(touch hacked) `touch hacked` \"; touch hacked; '"
    shell = snippets.action({"run": "exit 0", "service": name, "url": URLS[0], "soft": "true", "version": name})

    ended = execute(shell, "github", checkout, daemon)

    assert (ended.code, (checkout / "hacked").exists()) == (0, False)
    assert f"recorded the deployment of {name}" in ended.errors


def strings(value: object) -> Iterator[str]:
    """All texts in parsed YAML."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def shell_of(block: manual.Block) -> Shell:
    """The shell in a block of the page, and the URL that stands beside it."""
    if block.language == "groovy":
        return Shell(block.text.split("sh '")[1].split("'")[0], {"DORA_SEND_URL": URLS[0]})
    parsed = yaml.safe_load(block.text)
    if "deploy/github-action" in block.text:
        return snippets.action(parsed[0]["with"])
    (command,) = [each for each in strings(parsed) if "dora-send" in each]
    return Shell(command, {"DORA_SEND_URL": URLS[0]})


BLOCKS = manual.blocks(manual.page(PAGE).text, "yml", "groovy")
PROVIDERS = ("github", "gitlab", "jenkins", "azure", "circleci", "bitbucket", "buildkite")


def test_the_page_has_a_block_of_three_lines_for_each_provider() -> None:
    assert len(BLOCKS) == len(PROVIDERS)
    assert {block.text.count("\n") for block in BLOCKS} == {3}
    assert all(f"deploy/snippets/{file.name}" in manual.page(PAGE).text for file in SNIPPETS.iterdir())


@pytest.mark.parametrize(("block", "name"), list(zip(BLOCKS, PROVIDERS, strict=False)), ids=PROVIDERS)
def test_the_lines_of_the_page_report_a_deployment(
    daemon: RunningDaemon, checkout: Path, block: manual.Block, name: str
) -> None:
    ended = execute(shell_of(block), name, checkout, daemon)

    assert ended.code == 0, ended.errors
    assert "recorded the deployment of checkout" in ended.errors
    assert (checkout / "deployed").exists()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("schema", "file", "options"),
    [
        ("github-actions", ACTION, ()),
        ("github-workflows", SNIPPETS / "github-workflow.yml", ()),
        ("gitlab-ci", SNIPPETS / "gitlab-ci.yml", ("--data-transform=gitlab-ci",)),
        (
            "azure-pipelines",
            SNIPPETS / "azure-pipelines.yml",
            ("--data-transform=azure-pipelines", "--regex-variant=nonunicode"),
        ),
        ("circle-ci", SNIPPETS / "circleci.yml", ()),
        ("bitbucket-pipelines", SNIPPETS / "bitbucket-pipelines.yml", ()),
        ("buildkite", SNIPPETS / "buildkite.yml", ()),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_snippet_fits_its_schema(schema: str, file: Path, options: tuple[str, ...]) -> None:
    check("check-jsonschema", f"--builtin-schema=vendor.{schema}", *options, file)


@pytest.mark.e2e
def test_the_component_is_a_job_of_gitlabs(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text(yaml.safe_dump(snippets.component()))

    check("check-jsonschema", "--builtin-schema=vendor.gitlab-ci", tmp_path / "job.yml")


@pytest.mark.e2e
def test_zizmor_finds_no_fault() -> None:
    check("zizmor", "--offline", "--quiet", ACTION, SNIPPETS / "github-workflow.yml")


@pytest.mark.e2e
@pytest.mark.parametrize("name", SHELLS)
def test_shellcheck_finds_no_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "snippet.sh").write_text(snippets.as_script(SHELLS[name]()))

    assert check("shellcheck", "--shell=bash", tmp_path / "snippet.sh") == ""
