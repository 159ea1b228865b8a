"""``kill -9`` of a process that appends and compacts."""

import random
import subprocess
import sys
from pathlib import Path

from tests.storage.file.logs import asides, opened

VICTIM = Path(__file__).with_name("victim.py")
ROUNDS = 12


def killed_after(path: Path, name: str, lines: int, *, compactions: int) -> list[str]:
    """Lets the victim run so many compactions and then so many lines, kills it, and returns all that it printed."""
    command = [sys.executable, str(VICTIM), str(path), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        printed: list[str] = []
        while lines or compactions:
            printed.append(victim.stdout.readline().rstrip())
            assert printed[-1], "the victim died by itself"
            compactions = max(0, compactions - (printed[-1] == "compacted"))
            lines = max(0, lines - (not compactions))
        victim.kill()
        return [*printed, *victim.stdout.read().split()]


async def test_every_acknowledged_record_is_there_after_kill_9(tmp_path: Path) -> None:
    path, dice = tmp_path / "events", random.Random(1)
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        printed = killed_after(path, str(number), dice.randint(1, 1000), compactions=number % 3 // 2)
        acknowledged |= set(printed) - {"compacted"}
        async with opened(path) as kept:
            assert acknowledged <= set(kept.ids)
            assert kept.log.statistics().lines_lost == 0
            assert not [each for each in asides(path) if "damaged" in each.name]
    assert len(acknowledged) > ROUNDS * 200
