"""What the tests of commits share."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.commits.worlds import World

Begin = Callable[..., World]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Makes worlds in one folder, and ends them."""
    worlds: list[World] = []

    def make(**changes: object) -> World:
        worlds.append(World(tmp_path, **changes))  # type: ignore[arg-type]
        return worlds[-1]

    yield make
    for each in worlds:
        await each.close()
