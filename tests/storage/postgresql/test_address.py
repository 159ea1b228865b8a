"""The URL of the database in a file."""

from pathlib import Path

from dora_exporter.storage.postgresql.url import from_file


def test_a_byte_order_mark_and_white_space_are_no_part_of_the_url(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_bytes(b"\xef\xbb\xbfpostgresql://host/dora\r\n")
    assert from_file(file)() == "postgresql://host/dora"
