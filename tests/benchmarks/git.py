"""Measures the search for commits against the bare ``git``: ``python -m tests.benchmarks.git``."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import aiohttp
from tests.commits.histories import Made, build, git, pack_of
from tests.commits.servers import KEY, listening, taking_uploads
from tests.commits.worlds import NAME, World

from dora_exporter.clock import stopwatch
from dora_exporter.commits.settings import RepositorySettings

COMMITS = 100_000
DEPLOYMENTS = 1000
SHIPPED = 50
UPLOADED = 1000
REPEATED = 15
WORST_RESOLUTION_RATIO = 3.0
WORST_UPLOAD_RATIO = 2.0
LONGEST_ROW_SECONDS = 60.0
LONGEST_STALL_MS = 20.0


async def main() -> int:
    """Prints what was measured; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shas = await asyncio.to_thread(build, folder / "shop", history())
        missed = [*await resolutions(folder, shas), *await uploads(folder, shas)]
    return 1 if any(missed) else 0


def history() -> list[Made]:
    """One line with a merge at every tenth commit."""
    return [
        Made(parents=() if not place else (place - 1, place - 4) if place % 10 == 9 else (place - 1,), files={"f": "x"})
        for place in range(COMMITS)
    ]


async def resolutions(folder: Path, shas: list[str]) -> list[bool]:
    """Single deployments, and many in a row, of a mirrored repository."""
    world = World(folder, configured={"shop": RepositorySettings(url=f"file://{folder}/shop", aliases=(NAME,))})
    first = len(shas) - 1 - (DEPLOYMENTS + REPEATED + 1) * SHIPPED
    world.deploy(shas[first], 0)
    begun = stopwatch()
    await world.resolver.work()
    print(f"mirrored and read {COMMITS} commits in {stopwatch() - begun:.2f} s")
    single, bare = [], []
    for number in range(1, REPEATED + 1):
        before, after = shas[first + (number - 1) * SHIPPED], shas[first + number * SHIPPED]
        bare.append(await asyncio.to_thread(timed, lambda: rev_list(folder / "shop", f"{before}..{after}")))
        world.deploy(after, number / 10)
        begun = stopwatch()
        await world.resolver.work()
        single.append(stopwatch() - begun)
    ratio = statistics.median(single) / statistics.median(bare)
    print(f"one deployment of {SHIPPED} commits: {statistics.median(single) * 1000:.1f} ms, {ratio:.2f} times rev-list")
    stall = asyncio.create_task(longest_stall())
    begun = stopwatch()
    for number in range(DEPLOYMENTS):
        world.deploy(shas[first + (REPEATED + number + 1) * SHIPPED], (REPEATED + number + 1) / 10)
        await world.resolver.work()
    seconds = stopwatch() - begun
    stall.cancel()
    stalled = await stall
    print(f"{DEPLOYMENTS} deployments in a row: {seconds:.1f} s, the event loop was blocked for {stalled:.1f} ms at most")
    await world.close()
    return [ratio > WORST_RESOLUTION_RATIO, seconds > LONGEST_ROW_SECONDS, stalled > LONGEST_STALL_MS]


async def uploads(folder: Path, shas: list[str]) -> list[bool]:
    """A pack of many commits, over HTTP."""
    world = World(folder / "uploads")
    pack = pack_of(folder / "shop", [shas[-1]], [shas[-UPLOADED - 1]])
    (folder / "x.pack").write_bytes(pack)
    ours, bare = [], []
    async with listening(taking_uploads(world)) as port, aiohttp.ClientSession() as session:
        for number in range(REPEATED):
            bare.append(await asyncio.to_thread(timed, lambda: git(folder, "index-pack", "-o", "x.idx", "x.pack")))
            (folder / "x.idx").unlink()
            begun = stopwatch()
            await upload(session, port, pack, shas[-1], f"https://git.example/{number % 2}")
            ours.append(stopwatch() - begun)
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"a pack of {UPLOADED} commits: {statistics.median(ours) * 1000:.1f} ms, {ratio:.2f} times index-pack")
    await world.close()
    return [ratio > WORST_UPLOAD_RATIO]


async def upload(session: aiohttp.ClientSession, port: int, pack: bytes, head: str, repository: str) -> None:
    """What the command line sends."""
    form = aiohttp.FormData()
    said = f'{{"data":{{"id":"{head}","type":"commit"}},"meta":{{"repository_url":"{repository}"}}}}'
    form.add_field("pushedSha", said, content_type="application/json")
    form.add_field("packfile", pack, content_type="application/octet-stream", filename="x.pack")
    url = f"http://127.0.0.1:{port}/api/v2/git/repository/packfile"
    async with session.post(url, data=form, headers={"DD-API-KEY": KEY}) as answer:
        answer.raise_for_status()


async def longest_stall() -> float:
    """The longest time, in milliseconds, for which the event loop did nothing else, until it is cancelled."""
    longest = 0.0
    try:
        while True:
            begun = stopwatch()
            await asyncio.sleep(0.001)
            longest = max(longest, (stopwatch() - begun) * 1000 - 1)
    except asyncio.CancelledError:
        return longest


def rev_list(folder: Path, revisions: str) -> None:
    """What is to be beaten."""
    subprocess.run(["git", "rev-list", revisions], cwd=folder, check=True, capture_output=True)


def timed(work: Callable[[], object]) -> float:
    """How many seconds something takes."""
    begun = stopwatch()
    work()
    return stopwatch() - begun


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
