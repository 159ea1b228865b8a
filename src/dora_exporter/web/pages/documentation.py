"""Links to the documentation of this version."""

from dora_exporter import __version__

REPOSITORY = "https://github.com/dora-exporter/dora-exporter"
_REF = "main" if "dev" in __version__ else f"v{__version__}"  # what was never released has no tag
BASE = f"{REPOSITORY}/blob/{_REF}/"
"""The beginning of a link; the rest is a file of the repository, and a heading in it."""
PLACES = {
    "documentation": "docs/index.md",
    "events": "docs/sending-events/index.md",
    "metrics": "docs/metrics/index.md",
    "names": "docs/names.md",
    "scraping": "docs/getting-started.md#scrape-configuration",
    "sources": "docs/sources/index.md",
}
"""Files that the pages link to, by subject."""


def documentation(subject: str) -> str:
    """The address of the documentation of a subject."""
    return BASE + PLACES[subject]
