"""Sample lines in the text format, to the letter as ``prometheus_client`` writes them.

The same line is valid in text 0.0.4 and in OpenMetrics 1.0.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from prometheus_client.utils import floatToGoString

_number: Callable[[float], str] = floatToGoString


def line(name: str, labels: Mapping[str, str], value: float) -> bytes:
    """One sample with its line feed."""
    return sample_start(name, labels) + sample_end(value)


def sample_start(name: str, labels: Mapping[str, str]) -> bytes:
    """A sample up to its value: worth keeping, because names and labels change less often than values."""
    if not labels:
        return f"{name} ".encode()
    pairs = ",".join([f'{label}="{escape(labels[label])}"' for label in sorted(labels)])
    # A lone surrogate, should a source let one through, must not cost the whole scrape.
    return f"{name}{{{pairs}}} ".encode(errors="replace")


def sample_end(value: float) -> bytes:
    """A sample from its value on."""
    return number(value).encode()


def number(value: float) -> str:
    """A value with the line feed that ends its sample."""
    return _integer(value) if type(value) is int else f"{_number(value)}\n"


@lru_cache(maxsize=4096)
def _integer(value: int) -> str:
    """Most samples are counts, and most counts are small."""
    return f"{_number(value)}\n"


def escape(value: str) -> str:
    """A label's value as it stands between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
