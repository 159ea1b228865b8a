"""Rewrites the tables of the manual: ``python -m tests.docs``. What a setting means is written there by hand."""

import tempfile
from pathlib import Path

from tests.docs import endpoint_table, manual, metric_tables, preset_table, setting_table
from tests.docs.living import documented

from dora_exporter.app.settings import Settings


def main() -> None:
    """Writes the files."""
    with tempfile.TemporaryDirectory() as folder, documented(Path(folder)) as daemon:
        found = metric_tables.families(daemon.exposition())
        endpoints = endpoint_table.rows(daemon)
    settings = manual.table(manual.page_with("settings").text, "settings")
    meanings = {manual.code(key): meaning for key, _, _, meaning in settings}
    for name, heading, rows in (
        ("metrics", metric_tables.HEADING, metric_tables.rows(found)),
        ("own metrics", metric_tables.OWN_HEADING, metric_tables.own_rows(found)),
        ("database metrics", metric_tables.OWN_HEADING, metric_tables.database_rows()),
        ("settings", setting_table.HEADING, setting_table.rows(Settings, meanings)),
        ("endpoints", endpoint_table.HEADING, endpoints),
        ("presets", preset_table.HEADING, preset_table.rows()),
    ):
        page = manual.page_with(name)
        (manual.ROOT / page.name).write_text(manual.with_table(page.text, name, heading, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
