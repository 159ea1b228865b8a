"""Where two sets of samples differ."""

from collections.abc import Mapping
from math import isclose

from tests.oracle.gauges import Sample

ROUNDING = 1e-12
"""A mean may be rounded more than once; counts, timestamps and everything else come out the same."""


def differences(
    shown: Mapping[Sample, float], wanted: Mapping[Sample, float]
) -> dict[Sample, tuple[float | None, float | None]]:
    """What is shown and what should be, None for absent, where the two differ by more than a rounding."""
    both = {key: (shown.get(key), wanted.get(key)) for key in {**shown, **wanted}}
    return {
        key: (one, other)
        for key, (one, other) in both.items()
        if one is None or other is None or not isclose(one, other, rel_tol=ROUNDING)
    }
