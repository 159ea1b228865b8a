"""Loads configurations that are written in a test."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dora_exporter.config import ConfigError, Flag, Settings, load


def settings(
    text: str | bytes | None = None,
    *,
    flags: Sequence[Flag] = (),
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of a file ``config.yaml`` and a folder ``secrets`` in the working directory, if such are given."""
    file, folder = Path("config.yaml"), Path("secrets")
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    if secrets is not None:
        folder.mkdir()
        for name, content in secrets.items():
            (folder / name).write_text(content)
    return load(
        file=None if text is None else file,
        flags=flags,
        variables=variables or {},
        secrets_folder=None if secrets is None else folder,
    )


def mistakes(
    text: str | bytes | None = None,
    *,
    flags: Sequence[Flag] = (),
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> list[str]:
    """The lines that are shown for such a configuration, none when it is good."""
    try:
        settings(text, flags=flags, variables=variables, secrets=secrets)
    except ConfigError as error:
        return str(error).split("\n")
    return []


def keys(loaded: Settings) -> list[str]:
    """The API keys in clear."""
    return [key.get_secret_value() for key in loaded.api_keys]
