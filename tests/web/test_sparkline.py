import pytest

from dora_exporter.series.overview import Day
from dora_exporter.web.pages.sparkline import bars


@pytest.mark.parametrize(
    ("days", "good", "failed"),
    [
        ([], "", ""),
        ([Day(0, 0), Day(0, 0)], "", ""),
        ([Day(4, 0), Day(2, 0), Day(0, 0)], "M0 28V0h4V28zM5 28V14h4V28z", ""),
        ([Day(4, 1), Day(1, 1)], "M0 21V0h4V21z", "M0 28V21h4V28zM5 28V21h4V28z"),
        ([Day(3, 1)], "M0 18.7V0h4V18.7z", "M0 28V18.7h4V28z"),
    ],
)
def test_failed_deployments_are_at_the_foot_of_a_days_bar(days: list[Day], good: str, failed: str) -> None:
    drawn = bars(days)

    assert (drawn.good, drawn.failed) == (good, failed)
    assert drawn.width == 5 * len(days)
