"""How the ``git`` program is run."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.commits.histories import build, linear

from dora_exporter.commits.git.command import Git, GitFailed, Limits, Remote
from dora_exporter.runtime.clock import system_clock


def stand_in(folder: Path, body: str) -> str:
    """A program that takes the place of ``git``."""
    program = folder / "stand-in"
    program.write_text(f"#!{sys.executable}\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_nobody_else_configures_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[core]\n\tpager = evil\n[user]\n\tname = evil\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "evil")
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("GIT_DIR", "/evil")
    said = Git().run(tmp_path, "config", "--list", "--show-origin").decode()
    assert "evil" not in said
    assert {line.split()[0] for line in said.splitlines()} == {"command"}


def test_it_knows_no_secret_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DORA_API_KEY", "hunter2")
    git = Git(program=stand_in(tmp_path, "import os\nprint(dict(os.environ))"))
    assert "hunter2" not in git.run(tmp_path, "x").decode()


@pytest.mark.parametrize("url", ["ext::sh -c touch% /tmp/x", "fd::17", "git://127.0.0.1/x", "https://127.0.0.1/x"])
def test_only_the_allowed_protocol_is_spoken(tmp_path: Path, url: str) -> None:
    with pytest.raises(GitFailed, match="not allowed"):
        Git().run(tmp_path, "ls-remote", url, remote=Remote(protocol="file"))


def test_without_a_remote_none_can_be_reached(tmp_path: Path) -> None:
    build(tmp_path / "shop", linear(1))
    with pytest.raises(GitFailed, match="not allowed"):
        Git().run(tmp_path, "ls-remote", f"file://{tmp_path}/shop")


def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    body = (
        "import subprocess, sys, time, os\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pids.new')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(tmp_path / 'pids.new')!r}, {str(tmp_path / 'pids')!r})\n"
        "time.sleep(600)"
    )
    git = Git(program=stand_in(tmp_path, body))
    seconds = 1.0
    while not (tmp_path / "pids").exists():  # on a busy machine it may take longer than that to start
        with pytest.raises(GitFailed, match="too long"):
            git.run(tmp_path, "x", limits=Limits(seconds=seconds))
        seconds *= 2
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    assert all(is_gone(int(pid)) for pid in pids)


def is_gone(pid: int) -> bool:
    """Whether a process ends at once; one that nobody waited for counts as ended."""
    patience = system_clock() + 5000
    while system_clock() < patience:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
    return False


def test_memory_and_files_are_bounded(tmp_path: Path) -> None:
    kinds = "(resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)"
    read = f"import resource\nprint([resource.getrlimit(each)[0] for each in {kinds}])"
    git = Git(program=stand_in(tmp_path, f"import time\ntime.sleep(0.2)\n{read}"))
    said = git.run(tmp_path, "x", limits=Limits(memory_bytes=1 << 29, file_bytes=1 << 20))
    assert said.decode().strip() == str([1 << 29, 1 << 20, 0])


def test_limits_hold_from_the_first_moment_on(tmp_path: Path) -> None:
    git = Git(program=stand_in(tmp_path, "import resource\nprint(resource.getrlimit(resource.RLIMIT_FSIZE)[0])"))
    said = [git.run(tmp_path, "x", limits=Limits(file_bytes=1 << 20)) for _ in range(10)]
    assert said == [b"1048576\n"] * 10


def test_without_the_program_that_sets_limits_they_come_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in(
        tmp_path,
        "import resource, time\nmemory, core = resource.RLIMIT_AS, resource.RLIMIT_CORE\n"
        "while resource.getrlimit(memory)[0] < 0 or resource.getrlimit(core)[0]:\n    time.sleep(0.01)\n"
        "print(resource.getrlimit(memory)[0])",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    said = Git(program=program).run(tmp_path, "x", limits=Limits(memory_bytes=1 << 29))
    assert said == b"536870912\n"


def test_a_failure_says_what_git_said(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match=r"git rev-parse failed with status 128: fatal: not a git repository"):
        Git().run(tmp_path, "rev-parse", "--git-dir")


def test_a_missing_program_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed, match="the git program is not installed"):
        Git().run(tmp_path, "version")
    with pytest.raises(GitFailed, match="cannot start git"):
        Git(program=str(tmp_path / "absent")).run(tmp_path, "version")


def test_output_that_is_not_wanted_to_the_end_does_no_harm(tmp_path: Path) -> None:
    git = Git(program=stand_in(tmp_path, "print('x' * 10_000_000)"))
    with git.output(tmp_path, "x") as output:
        assert output.read(3) == b"xxx"


def test_an_early_end_ends_the_command(tmp_path: Path) -> None:
    git = Git(program=stand_in(tmp_path, "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)"))
    with ExitStack() as stack:
        stack.push(lambda *_: True)
        pid = int(stack.enter_context(git.output(tmp_path, "x")).readline())
        raise KeyError
    assert is_gone(pid)


async def test_closing_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    git = Git(program=stand_in(tmp_path, "import time\nprint('on', flush=True)\ntime.sleep(600)"))
    loop = asyncio.get_running_loop()
    started = asyncio.Event()

    def run() -> None:
        with git.output(tmp_path, "x") as output:
            assert output.readline() == b"on\n"
            loop.call_soon_threadsafe(started.set)
            output.read()

    running = asyncio.create_task(asyncio.to_thread(run))
    async with asyncio.timeout(20):
        await started.wait()
        git.close()
        with pytest.raises(GitFailed):
            await running
    async with asyncio.timeout(20):
        with pytest.raises(GitFailed):
            await asyncio.to_thread(git.run, tmp_path, "x")
