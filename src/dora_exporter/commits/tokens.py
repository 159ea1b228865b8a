"""Tokens from the configuration or from files."""

from pathlib import Path

from pydantic import SecretStr


def read_token(token: SecretStr | None, file: Path | None) -> str | None:
    """The token as it is now: a file may change. Raises ``OSError`` when it cannot be read."""
    if token is not None:
        return token.get_secret_value()
    return None if file is None else file.read_text(encoding="utf-8").strip()
