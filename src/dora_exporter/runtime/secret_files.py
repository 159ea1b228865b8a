"""Secrets from the configuration or from files, read when they are used: a file may change."""

from pathlib import Path

from pydantic import SecretStr


class BadSecret(Exception):
    """A secret is unusable; the text says why and does not contain the secret."""


def read_secret(direct: SecretStr | None, file: Path | None) -> str | None:
    """The current secret; None where none is configured. Reads files. Raises ``BadSecret``."""
    if direct is not None:
        return direct.get_secret_value()
    if file is None:
        return None
    secret = read_secret_text(file)
    if not secret.isprintable():
        raise BadSecret(f"the secret file {file} holds more than one line of text")
    return secret


def read_secret_text(file: Path) -> str:
    """A file of secrets, without white space around them and a byte order mark before. Raises ``BadSecret``."""
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise BadSecret(f"the secret file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSecret(f"the secret file {file} cannot be read: it is not UTF-8 text") from None
    if not text:
        raise BadSecret(f"the secret file {file} is empty")
    return text
