"""Reads settings as the command line does, from a folder that a test fills."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dora_exporter.app.load_settings import Flag, load
from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError


def settings_of(
    folder: Path,
    yaml: str | bytes | None = None,
    *,
    flags: Sequence[Flag] = (),
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of a configuration file, the variables, and the files of a secrets folder."""
    file, secrets_folder = folder / "config.yaml", folder / "secrets"
    if yaml is not None:
        file.write_bytes(yaml if isinstance(yaml, bytes) else yaml.encode())
    if secrets is not None:
        secrets_folder.mkdir()
        for name, content in secrets.items():
            (secrets_folder / name).write_text(content)
    return load(
        file=None if yaml is None else file,
        flags=flags,
        variables=variables or {},
        secrets_folder=None if secrets is None else secrets_folder,
    )


def mistakes_of(
    folder: Path,
    yaml: str | bytes | None = None,
    *,
    flags: Sequence[Flag] = (),
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> list[str]:
    """The lines that a user reads, without the folder."""
    with pytest.raises(ConfigError) as caught:
        settings_of(folder, yaml, flags=flags, variables=variables, secrets=secrets)
    return str(caught.value).replace(f"{folder}/", "").splitlines()
