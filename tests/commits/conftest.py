"""What the tests of commits share."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.commits.worlds import Begin, World


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Makes worlds in one folder, and ends them."""
    worlds: list[World] = []

    yield partial(World, tmp_path, worlds=worlds)
    for each in worlds:
        await each.close()
