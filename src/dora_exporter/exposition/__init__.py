"""The answer to a scrape: cached sample lines and the daemon's own families, in the format and coding asked for."""

from dora_exporter.exposition.negotiation import Format, choose_format, is_gzip_accepted
from dora_exporter.exposition.registry_text import Activity, OwnFamilies, Stamp
from dora_exporter.exposition.response import Body, CurrentExposition, Exposition

__all__ = [
    "Activity",
    "Body",
    "CurrentExposition",
    "Exposition",
    "Format",
    "OwnFamilies",
    "Stamp",
    "choose_format",
    "is_gzip_accepted",
]
