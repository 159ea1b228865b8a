"""Where this version's documentation is read: the one place that names its address."""

from dora_exporter import __version__

REPOSITORY = "https://github.com/dora-exporter/dora-exporter"
BASE = f"{REPOSITORY}/blob/v{__version__}/"
"""What an address begins with; the rest is a file of the repository, and a heading in it."""
PLACES = {
    "documentation": "README.md",
    "events": "README.md#sending-events",
    "metrics": "README.md#what-each-number-means",
    "scraping": "README.md#scrape-configuration",
    "sources": "README.md#sources",
}
"""What the pages link to, by subject."""


def documentation(subject: str) -> str:
    """The address of the documentation of a subject."""
    return BASE + PLACES[subject]
