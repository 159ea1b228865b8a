"""The stages of a commit's way into production, one by one."""

import pytest
from tests.builders import NOW_MS, deployment

from dora_exporter.dora.events import MINUTE_MS, Commit, PullRequest, Shipped
from dora_exporter.dora.lead_time_stages import STAGES, stages_of

START = NOW_MS - 600 * MINUTE_MS


def minutes(
    *, written: int, ready: int | None = None, approved: int | None = None, merged: int | None = None, took: int = 5
) -> dict[str, int]:
    """The stages of a commit, all in minutes; the deployment begins at 100."""
    pull_requests: tuple[PullRequest, ...] = ()
    if merged is not None:
        ready_at, approved_at = (None if each is None else START + each * MINUTE_MS for each in (ready, approved))
        pull_requests = (PullRequest(START + merged * MINUTE_MS, ready_at, approved_at),)
    commit = Commit("a" * 40, START + written * MINUTE_MS, pull_request=0 if pull_requests else None)
    event = deployment(
        started_at=START + 100 * MINUTE_MS,
        finished_at=START + (100 + took) * MINUTE_MS,
        shipped=Shipped("r", "a" * 40, (commit,), pull_requests=pull_requests),
    )
    return {stage: ms // MINUTE_MS for stage, ms in stages_of(event, [commit])}


ALL = {"time_to_pr_ready": 10, "review": 20, "merge": 30, "time_to_deploy": 30, "deploy": 5}

TABLE: list[tuple[dict[str, int | None], dict[str, int]]] = [
    ({"written": 10, "ready": 20, "approved": 40, "merged": 70}, ALL),
    ({"written": 10}, {"time_to_deploy": 90, "deploy": 5}),
    ({"written": 10, "took": 0}, {"time_to_deploy": 90}),
    (
        {"written": 30, "ready": 20, "approved": 40, "merged": 70},
        {k: v for k, v in ALL.items() if k != "time_to_pr_ready"},
    ),
    ({"written": 50, "ready": 20, "approved": 40, "merged": 70}, {"merge": 30, "time_to_deploy": 30, "deploy": 5}),
    ({"written": 10, "ready": 20, "merged": 70}, {"time_to_pr_ready": 10, "time_to_deploy": 30, "deploy": 5}),
    ({"written": 10, "ready": 20, "approved": 40, "merged": 103}, {**ALL, "merge": 63, "time_to_deploy": 0}),
    (
        {"written": 10, "ready": 20, "approved": 40, "merged": 120},
        {"time_to_pr_ready": 10, "review": 20, "merge": 80, "deploy": 5},
    ),
]


@pytest.mark.parametrize(("moments", "expected"), TABLE)
def test_stages(moments: dict[str, int], expected: dict[str, int]) -> None:
    assert minutes(**moments) == expected


def test_every_stage_has_its_name() -> None:
    assert tuple(ALL) == STAGES
