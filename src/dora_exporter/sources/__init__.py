"""The table of sources: each kind's settings and what makes a source of them."""

from collections.abc import Mapping

from dora_exporter.sources.source import Kind

KINDS: Mapping[str, Kind] = {}
