"""As many events in as many series as a measurement asks for, the same for a seed, busy series next to quiet ones."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Deployment, Incident
from dora_exporter.storage.file import encode, header_line

ENVIRONMENTS = ("production", "staging")
TEAMS = 50
DAYS = 97
"""A little more than the longest window, so that events leave it while time passes."""

_EVENTS_PER_SERIES = 2
_HOUR_MS = 60 * MINUTE_MS


def crowd(seed: int, now_ms: int, *, events: int, series: int, commits: bool) -> Iterator[Deployment | Incident]:
    """Deployments and incidents in no particular order.

    Each series had a deployment that broke something within the last six days, which puts it into every window with
    every family. The other events are deployments at random over the last 97 days, and the series are as unequally
    busy as words are: the second has half as many as the first, the third a third. All have an id, a SHA, a
    repository, a version and a team; a commit each on demand.
    """
    random = Random(seed)
    for number in range(series):
        deployed_at = now_ms - random.randrange(_HOUR_MS, 6 * DAY_MS)
        yield deployment(random, number, deployed_at, commits=commits)
        yield _incident(random, number, deployed_at)
    weights = list(accumulate(1 / (number + 1) for number in range(series)))
    for _ in range(events - _EVENTS_PER_SERIES * series):
        number = bisect_left(weights, random.random() * weights[-1])
        yield deployment(random, number, now_ms - random.randrange(DAYS * DAY_MS), commits=commits)


def deployment(random: Random, number: int, finished_at: int, *, commits: bool = False) -> Deployment:
    """A deployment of the numbered series."""
    service = service_of(number)
    sha = f"{random.getrandbits(160):040x}"
    authored_at = finished_at - random.randrange(_HOUR_MS, 4 * DAY_MS)
    return Deployment(
        f"{random.getrandbits(64):016x}",
        service,
        ENVIRONMENTS[number % len(ENVIRONMENTS)],
        finished_at - random.randrange(10 * MINUTE_MS),
        finished_at,
        version=f"1.{random.randrange(10**6)}.0",
        commit_sha=sha,
        repository=f"git.example.com/crowd/{service}",
        team=f"team-{number % TEAMS:02}",
        commits=(Commit(sha, authored_at),) if commits else None,
    )


def service_of(number: int) -> str:
    """The service of the numbered series."""
    return f"service-{number // len(ENVIRONMENTS):05}"


def write_snapshot(path: Path, events: Iterator[Deployment | Incident]) -> int:
    """Writes the events as the file a daemon starts from, and gives how many there are."""
    count = 0
    with path.open("wb") as file:
        file.write(header_line())
        for event in events:
            file.write(encode(event))
            count += 1
    return count


def _incident(random: Random, number: int, deployed_at: int) -> Incident:
    began = deployed_at + random.randrange(10 * MINUTE_MS)
    return Incident(
        f"{random.getrandbits(64):016x}",
        (service_of(number),),
        ENVIRONMENTS[number % len(ENVIRONMENTS)],
        began,
        began + random.randrange(MINUTE_MS, 40 * MINUTE_MS),
        team=f"team-{number % TEAMS:02}",
    )
