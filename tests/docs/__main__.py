"""Rewrites the tables of the README: ``python -m tests.docs``. What a setting means is written there by hand."""

import tempfile
from pathlib import Path

from tests.docs import endpoint_table, metric_tables, readme, setting_table
from tests.docs.living import documented

from dora_exporter.config import Settings


def main() -> None:
    """Writes the file."""
    markdown = readme.text()
    with tempfile.TemporaryDirectory() as folder, documented(Path(folder)) as daemon:
        found = metric_tables.families(daemon.exposition())
        endpoints = endpoint_table.rows(daemon)
    meanings = {readme.code(key): meaning for key, _, _, meaning in readme.table(markdown, "settings")}
    for name, heading, rows in (
        ("metrics", metric_tables.HEADING, metric_tables.rows(found)),
        ("own metrics", metric_tables.OWN_HEADING, metric_tables.own_rows(found)),
        ("database metrics", metric_tables.OWN_HEADING, metric_tables.database_rows()),
        ("settings", setting_table.HEADING, setting_table.rows(Settings, meanings)),
        ("endpoints", endpoint_table.HEADING, endpoints),
    ):
        markdown = readme.with_table(markdown, name, heading, rows)
    readme.PATH.write_text(markdown, encoding="utf-8")


if __name__ == "__main__":
    main()
