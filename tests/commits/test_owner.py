"""Whose the folders are, and what the user is called, does not matter."""

import shutil
from pathlib import Path

import pytest
from tests.commits.histories import build, linear
from tests.commits.worlds import NAME, Begin

from dora_exporter.commits.settings import RepositorySettings


def estrange(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every ``git`` find repositories to be somebody else's, and takes home and name from the user."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f'#!/bin/sh\nexport GIT_TEST_ASSUME_DIFFERENT_OWNER=1\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    for name in ("HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


async def test_a_mirror_and_what_it_copies_may_belong_to_anybody(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shas = build(tmp_path / "served" / "shop.git", linear(3))
    estrange(tmp_path / "programs", monkeypatch)
    url = f"file://{tmp_path}/served/shop.git"
    world = begin(configured={"shop": RepositorySettings(url=url, aliases=(NAME,))})
    world.deploy(shas[0], 0)
    last = world.deploy(shas[2], 1)

    await world.resolver.work()

    assert world.shas(last) == [shas[2], shas[1]]
