"""The four numbers of many series, against pooling and sorting all their samples."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import HOUR_MS, NOW_MS

from dora_exporter.dora.events import DAY_MS, Series
from dora_exporter.dora.measures import CAUSES, DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.overview import figures
from dora_exporter.series.summary import LINE_DAYS, POINTS, lines, recovery_of, summary

EDITIONS = ("2021", "2024")
SLICE_MS = LINE_DAYS * DAY_MS // POINTS
MOMENTS = st.builds(  # many of them at the edges of windows
    lambda slices, offset: NOW_MS - slices * SLICE_MS + offset,
    st.integers(-1, POINTS + 2),
    st.sampled_from((-1, 0, 1, HOUR_MS)),
)
DURATIONS = st.integers(1, 10 * DAY_MS)
DEPLOYMENTS = st.builds(
    lambda finished_at, cause, recovery, lead_times: DeploymentFacts(
        finished_at=finished_at,
        identified=True,
        source="api",
        cause=cause,
        recovery=(finished_at + recovery, recovery) if cause and recovery else None,
        lead_times=tuple(lead_times),
    ),
    MOMENTS,
    st.none() | st.sampled_from(CAUSES),
    st.none() | DURATIONS,
    st.lists(DURATIONS, max_size=3),
)
INCIDENTS = st.builds(
    lambda started_at, lasted: IncidentFacts(
        started_at=started_at,
        source="api",
        restored_at=None if lasted is None else started_at + lasted,
        attributed=True,
    ),
    MOMENTS,
    st.none() | DURATIONS,
)


def measured(deployments: Sequence[DeploymentFacts], incidents: Sequence[IncidentFacts]) -> Measures:
    measures = Measures()
    for deployment in deployments:
        measures.add_deployment(deployment)
    for incident in incidents:
        measures.add_incident(incident)
    return measures


SERIES = st.lists(
    st.builds(measured, st.lists(DEPLOYMENTS, max_size=12), st.lists(INCIDENTS, max_size=6)), min_size=1, max_size=5
)


def expected(found: Sequence[Measures], window: Window, recovery: str) -> dict[str, float | None]:
    def holds(moment: int) -> bool:
        return window.start_ms < moment <= window.end_ms

    def median_of(samples: list[tuple[int, int]]) -> float | None:
        ordered = sorted(value for moment, value in samples if holds(moment))
        return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2000 if ordered else None

    deployments = sum(holds(moment) for each in found for moment in each.deployments)
    failed = sum(holds(moment) for each in found for times in each.causes.values() for moment in times)
    recoveries = [
        sample
        for each in found
        for sample in (each.recoveries if recovery == "failed_deployment_recovery_time" else each.restores)
    ]
    return {
        "deployment_frequency": deployments / window.days,
        "change_lead_time": median_of([sample for each in found for sample in each.lead_times]),
        "change_failure_rate": failed / deployments if deployments else None,
        recovery: median_of(recoveries),
    }


@given(SERIES, st.sampled_from((5, 7, 30, 45)), st.sampled_from(EDITIONS))
def test_the_numbers_of_all_are_those_of_their_pooled_samples(found: list[Measures], days: int, edition: str) -> None:
    window = Window(f"{days}d", days * DAY_MS, NOW_MS)
    candidates = [(Series(f"service-{number}", "production"), each) for number, each in enumerate(found)]

    summed = asyncio.run(summary(candidates, window, edition))

    before = Window(window.text, window.length_ms, window.start_ms)
    assert summed.figures == expected(found, window, recovery_of(edition))
    assert summed.before == expected(found, before, recovery_of(edition))


@given(SERIES, st.sampled_from(EDITIONS))
def test_the_numbers_of_one_series_are_its_gauges(found: list[Measures], edition: str) -> None:
    window = Window("30d", 30 * DAY_MS, NOW_MS)

    summed = asyncio.run(summary([(Series("checkout", "production"), found[0])], window, edition))

    gauges = figures(found[0], window, edition)
    assert summed.figures == {name: each.value for name, each in gauges.items() if name in summed.figures}


@given(SERIES, st.sampled_from(EDITIONS))
def test_the_points_of_lines_are_the_numbers_of_windows_that_follow_each_other(
    found: list[Measures], edition: str
) -> None:
    candidates = [(Series(f"service-{number}", "production"), each) for number, each in enumerate(found)]

    drawn = asyncio.run(lines(candidates, NOW_MS, edition))

    ends = [NOW_MS - back * SLICE_MS for back in reversed(range(POINTS))]
    points = [expected(found, Window("", SLICE_MS, end), recovery_of(edition)) for end in ends]
    assert drawn == {name: [point[name] for point in points] for name in points[0]}


async def longest_turn(work: Awaitable[object]) -> float:
    """The longest time for which some work keeps the event loop, of the processor's time in seconds."""
    longest, begun = 0.0, time.thread_time()
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, begun = max(longest, now - begun), now
    await task
    return longest


async def test_busy_series_that_follow_each_other_do_not_keep_the_event_loop() -> None:
    busy = Measures()
    chance = Random(1)
    for number in range(40_000):
        busy.lead_times.add(NOW_MS - 60 * DAY_MS + number * 60 * DAY_MS // 40_000, chance.randrange(1, 4 * DAY_MS))
    candidates = [(Series(f"service-{number:02}", "production"), busy) for number in range(16)]

    assert await longest_turn(summary(candidates, Window("30d", 30 * DAY_MS, NOW_MS), "2024")) < 0.025
    assert await longest_turn(lines(candidates, NOW_MS, "2024")) < 0.025
