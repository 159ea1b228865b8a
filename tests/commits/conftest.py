"""What the tests of commits share."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.commits.histories import build, everything, linear
from tests.commits.worlds import Begin, World


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Makes worlds in one folder, and ends them."""
    worlds: list[World] = []

    yield partial(World, tmp_path, worlds=worlds)
    for each in worlds:
        await each.close()


@pytest.fixture
def shop(tmp_path: Path) -> list[str]:
    """The SHAs of ten commits one after the other, in the repository ``shop``."""
    return build(tmp_path / "shop", linear(10))


@pytest.fixture
async def world(begin: Begin, shop: list[str], tmp_path: Path) -> World:
    """A resolver that has all commits of the shop."""
    world = begin()
    world.upload(everything(tmp_path / "shop"), shop[-1])
    return world
