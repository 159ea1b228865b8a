"""How fast commits are found: single deployments, many in a row, and uploaded packs, against the bare ``git``."""

import asyncio
import gc
import io
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import aiohttp
from tests.benchmarks.rounds import Goal, median, ratio
from tests.commits.histories import Made, build, git, pack_of
from tests.commits.servers import KEY, listening, taking_uploads
from tests.commits.worlds import NAME, World

from dora_exporter.commits.settings import RepositorySettings
from dora_exporter.runtime.clock import stopwatch

COMMITS = 100_000
DEPLOYMENTS = 1000
SHIPPED = 50
UPLOADED = 1000
ROUNDS = 15
RESOLUTION_RATIO = 3
UPLOAD_RATIO = 2
ROW_SECONDS = 60
STALL_ROUNDS = 8
IDLE_SECONDS = 1
STALL_MS = 20


def measure(folder: Path) -> Iterator[Goal]:
    """The rows about Git."""
    shas = build(folder / "shop", _history())
    yield from asyncio.run(_resolutions(folder, shas))
    yield from asyncio.run(_uploads(folder, shas))


def _history() -> list[Made]:
    """One line with a merge at every tenth commit, in folders of a usual size."""
    return [
        Made(
            parents=() if not place else (place - 1, place - 4) if place % 10 == 9 else (place - 1,),
            files={f"apps/{place % 31}/{place % 23}": str(place)},
        )
        for place in range(COMMITS)
    ]


async def _resolutions(folder: Path, shas: list[str]) -> list[Goal]:
    gc.freeze()  # as the daemon does after its start
    world = World(folder, configured={"shop": RepositorySettings(url=f"file://{folder}/shop", aliases=(NAME,))})
    deployed = shas[-1 - (ROUNDS + DEPLOYMENTS) * SHIPPED :: SHIPPED]
    world.deploy(deployed[0], 0)
    await world.resolver.work()
    resolutions, bare = [], []
    for number in range(1, ROUNDS + 1):
        rev_list = partial(_rev_list, folder / "shop", f"{deployed[number - 1]}..{deployed[number]}")
        bare.append(await asyncio.to_thread(_seconds, rev_list))
        resolutions.append(await _resolve(world, deployed[number], number))
    idle, busy, seconds = [], [], 0.0
    for first in range(ROUNDS + 1, len(deployed), DEPLOYMENTS // STALL_ROUNDS):
        idle.append(await _worst_stall(asyncio.sleep(IDLE_SECONDS)))
        row = asyncio.ensure_future(_row(world, deployed[first : first + DEPLOYMENTS // STALL_ROUNDS], first))
        busy.append(await _worst_stall(row))
        seconds += row.result()
    beyond = median([one - other for one, other in zip(busy, idle, strict=True)])
    await world.close()
    times = ratio(resolutions, bare)
    return [
        Goal(
            f"a deployment of {SHIPPED} commits resolved, of {COMMITS:,} (median of {ROUNDS})",
            f"{median(resolutions) * 1000:.1f} ms, {times:.1f} times git rev-list",
            f"under {RESOLUTION_RATIO} times",
            times < RESOLUTION_RATIO,
        ),
        Goal(
            f"{DEPLOYMENTS:,} deployments in a row",
            f"{seconds:.1f} s",
            f"under {ROW_SECONDS} s",
            seconds < ROW_SECONDS,
        ),
        Goal(
            f"worst stall of the event loop meanwhile, beyond an idle loop (median of {STALL_ROUNDS})",
            f"{median(busy):.1f} ms, idle {median(idle):.1f} ms: {beyond:.1f} ms",
            f"at most {STALL_MS} ms",
            beyond <= STALL_MS,
        ),
    ]


async def _resolve(world: World, sha: str, number: int) -> float:
    """How long it takes until the commits of a deployment are known."""
    begun = stopwatch()
    deployment_id = world.deploy(sha, number / 10)
    await world.resolver.work()
    seconds = stopwatch() - begun
    assert world.shipped(deployment_id).base
    return seconds


async def _row(world: World, deployed: list[str], first: int) -> float:
    begun = stopwatch()
    for number, sha in enumerate(deployed, first):
        await _resolve(world, sha, number)
    return stopwatch() - begun


async def _uploads(folder: Path, shas: list[str]) -> list[Goal]:
    pack = pack_of(folder / "shop", [shas[-1]], [shas[-UPLOADED - 1]])
    (folder / "x.pack").write_bytes(pack)
    uploads, bare = [], []
    world = World(folder / "uploads")
    async with listening(taking_uploads(world)) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/api/v2/git/repository/packfile"
        for _ in range(ROUNDS):
            bare.append(await asyncio.to_thread(_seconds, lambda: git(folder, "index-pack", "-o", "x.idx", "x.pack")))
            (folder / "x.idx").unlink()
            begun = stopwatch()
            async with session.post(url, data=_form(pack, shas[-1]), headers={"DD-API-KEY": KEY}) as answer:
                answer.raise_for_status()
            uploads.append(stopwatch() - begun)
    await world.close()
    times = ratio(uploads, bare)
    return [
        Goal(
            f"an upload of {UPLOADED:,} commits, {len(pack) / 1e6:.1f} MB (median of {ROUNDS})",
            f"{median(uploads) * 1000:.1f} ms, {times:.1f} times git index-pack",
            f"at most {UPLOAD_RATIO} times",
            times <= UPLOAD_RATIO,
        )
    ]


def _form(pack: bytes, head: str) -> aiohttp.FormData:
    """What the command line sends."""
    form = aiohttp.FormData()
    said = f'{{"data":{{"id":"{head}","type":"commit"}},"meta":{{"repository_url":"https://{NAME}"}}}}'
    form.add_field("pushedSha", said, content_type="application/json")
    form.add_field("packfile", io.BytesIO(pack), content_type="application/octet-stream", filename="x.pack")
    return form


async def _worst_stall(work: Awaitable[object]) -> float:
    """For how long, in milliseconds, the event loop did nothing else at most while something was done."""
    task = asyncio.ensure_future(work)
    worst = 0.0
    while not task.done():
        begun = stopwatch()
        await asyncio.sleep(0.001)
        worst = max(worst, (stopwatch() - begun - 0.001) * 1000)
    await task
    return worst


def _rev_list(folder: Path, revisions: str) -> None:
    subprocess.run(["git", "rev-list", revisions], cwd=folder, check=True, capture_output=True)


def _seconds(work: Callable[[], object]) -> float:
    begun = stopwatch()
    work()
    return stopwatch() - begun
