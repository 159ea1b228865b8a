"""Where a running daemon is, and the key that it asks for, as a person names them."""

from pathlib import Path

from yarl import URL

from dora_exporter.cli.exit_codes import CannotDo
from dora_exporter.config.yaml_file import read_text


def parse_url(text: str) -> URL:
    """Where a daemon is; raises CannotDo."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise CannotDo("--url must be a URL such as http://127.0.0.1:3672")
    return url


def key_in(file: Path) -> str:
    """The key in a file; raises CannotDo."""
    key = read_text(file).strip()
    if not key:
        raise CannotDo(f"{file}: is empty")
    if not key.isprintable() or not key.isascii():
        raise CannotDo(f"{file}: must contain one key in printable ASCII")
    return key
