"""The two orders of a series' deployments."""

from collections.abc import Callable, Generator, Iterable
from heapq import merge
from itertools import islice
from operator import attrgetter, eq

from dora_exporter.dora.events import Deployment

_RUN = 4096
_MERGED_AT_ONCE = 1024

finish_order = attrgetter("finished_at", "started_at", "id")
start_order = attrgetter("started_at", "finished_at", "id")


def by_finish(deployments: Iterable[Deployment]) -> list[Deployment]:
    """Many deployments in order of finish."""
    return _sorted(deployments, attrgetter("finished_at"), finish_order)


def by_start(deployments: Iterable[Deployment]) -> list[Deployment]:
    """Many deployments in order of start."""
    return _sorted(deployments, attrgetter("started_at"), start_order)


def by_finish_in_steps(deployments: list[Deployment]) -> Generator[None, None, list[Deployment]]:
    """Many deployments in order of finish, some milliseconds a step."""
    return _in_steps(deployments, by_finish, finish_order)


def by_start_in_steps(deployments: list[Deployment]) -> Generator[None, None, list[Deployment]]:
    """Many deployments in order of start, some milliseconds a step."""
    return _in_steps(deployments, by_start, start_order)


def _in_steps(
    deployments: list[Deployment],
    sort: Callable[[Iterable[Deployment]], list[Deployment]],
    order: "attrgetter[tuple[int, int, str]]",
) -> Generator[None, None, list[Deployment]]:
    runs = []
    for start in range(0, len(deployments), _RUN):
        runs.append(sort(deployments[start : start + _RUN]))
        yield
    if len(runs) == 1:
        return runs[0]
    ordered: list[Deployment] = []
    merging = merge(*runs, key=order)
    while some := list(islice(merging, _MERGED_AT_ONCE)):
        ordered += some
        yield
    return ordered


def _sorted(
    deployments: Iterable[Deployment], moment: Callable[[Deployment], int], order: "attrgetter[tuple[int, int, str]]"
) -> list[Deployment]:
    """Sorts by moments alone, which is several times faster, and by the whole order only if moments tie."""
    ordered = sorted(deployments, key=moment)
    moments = list(map(moment, ordered))
    if any(map(eq, moments, islice(moments, 1, None))):
        ordered.sort(key=order)
    return ordered
