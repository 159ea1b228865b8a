"""The answer to a scrape: cached sample lines and the daemon's own families, in the format and coding asked for."""

from dora_exporter.exposition.exposition import Body, Exposition
from dora_exporter.exposition.negotiation import Format, choose_format, is_gzip_accepted
from dora_exporter.exposition.own_families import OwnFamilies

__all__ = ["Body", "Exposition", "Format", "OwnFamilies", "choose_format", "is_gzip_accepted"]
