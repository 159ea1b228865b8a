"""What the statuses of a deployment say together."""

import pytest

from dora_exporter.sources.github.times import Times


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        (Times(), None),
        (Times(5), 5),
        (Times(ends=((3, "failure"), (4, "success"))), 4),
        (Times(5, ((3, "failure"),)), 5),
        (Times(2, ((3, "failure"),)), 3),
    ],
)
def test_the_latest_is_whatever_happened_last(times: Times, latest: int | None) -> None:
    assert times.latest == latest
