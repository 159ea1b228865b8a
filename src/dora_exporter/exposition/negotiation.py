"""Which format and coding a scrape is answered in, by its Accept and Accept-Encoding headers (RFC 9110, 12.5)."""

import enum
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_EXACT = 3
_TYPE_ONLY = 2
_ANYTHING = 1


class Format(enum.Enum):
    """The formats on offer, the preferred one first when a client does not mind."""

    TEXT = "text/plain", "0.0.4"
    OPENMETRICS = "application/openmetrics-text", "1.0.0"

    def __init__(self, media_type: str, version: str) -> None:
        """A media type and the one version of it that is answered."""
        self.media_type = media_type
        self.version = version


class _Range(NamedTuple):
    """One element of a header: a media range or a coding, its parameters and its weight."""

    name: str
    parameters: dict[str, str]
    weight: float


@lru_cache(maxsize=256)
def choose_format(accept: str) -> Format:
    """The format with the greatest weight; text 0.0.4 when none is asked for, as Prometheus exporters do.

    Between equal weights the more exact range wins, then the one named first. OpenMetrics 2.0 is never answered.
    """
    ranges = list(_elements(accept))
    _, best = max(((_rank(each, ranges), each) for each in Format), key=lambda ranked: ranked[0])
    return best


@lru_cache(maxsize=256)
def is_gzip_accepted(accept_encoding: str) -> bool:
    """Whether gzip is acceptable and no less welcome than a plain body that is named."""
    weights = {each.name: each.weight for each in _elements(accept_encoding)}
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _rank(candidate: Format, ranges: list[_Range]) -> tuple[float, int, int]:
    """Weight, exactness and earliness of the most exact range that a format is in."""
    matches = [
        (_exactness(each.name, candidate), each.weight, -position)
        for position, each in enumerate(ranges)
        if _exactness(each.name, candidate) and each.parameters.get("version", candidate.version) == candidate.version
    ]
    exactness, weight, earliness = max(matches, default=(0, 0.0, 0))
    if weight == 0:
        return 0.0, 0, 0
    return weight, exactness, earliness


def _exactness(name: str, candidate: Format) -> int:
    if name == candidate.media_type:
        return _EXACT
    if name == candidate.media_type.partition("/")[0] + "/*":
        return _TYPE_ONLY
    return _ANYTHING if name == "*/*" else 0


def _elements(header: str) -> Iterator[_Range]:
    """The elements of a header; those with a weight that is no number are left out."""
    for element in header.split(","):
        name, *parameters = (part.strip().lower() for part in element.split(";"))
        pairs = {key.strip(): value.strip(' "') for key, _, value in (part.partition("=") for part in parameters)}
        try:
            weight = float(pairs.pop("q", "1"))
        except ValueError:
            continue
        if name and 0 <= weight <= 1:
            yield _Range(name, pairs, weight)
