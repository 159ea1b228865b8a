"""Loads the settings: flags, environment variables, secret files and a YAML file make them up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from pydantic_settings import BaseSettings, SettingsConfigDict

from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError, Layer, Location, Mistake, models_in, validate
from dora_exporter.config.layers import folder_layer, secret_lines_layer, variables_layer
from dora_exporter.config.validators import FILES_TOO
from dora_exporter.config.yaml_file import read


class _Variables(Settings, BaseSettings):
    """The settings in a form that pydantic-settings sorts variables into."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True)
class Flag:
    """A setting given on the command line."""

    name: str
    location: tuple[str, ...]
    value: object


def load(
    *,
    file: Path | None,
    flags: Sequence[Flag],
    variables: Mapping[str, str],
    secrets_folder: Path | None,
    files_too: bool = False,
    blank_too: bool = True,
) -> Settings:
    """Reads the settings; each place wins over those after it: flags, variables, secret files, the YAML file.

    Raises ``ConfigError`` with all mistakes; with ``files_too`` a file that is read later, and is not there, is one;
    without ``blank_too`` a YAML file that says nothing is one.
    """
    above = (_flags_layer(flags), variables_layer(_Variables, variables))
    below = (
        folder_layer(_Variables, secrets_folder) if secrets_folder else _NOTHING,
        _file_layer(file, blank_too=blank_too),
    )
    layers = (*above, secret_lines_layer(Settings, above=above, below=below), *below)
    if below[1].mistakes and not below[1].data:  # what depends on the file cannot be judged
        raise ConfigError(mistake for layer in layers for mistake in layer.mistakes)
    return validate(Settings, layers, context=FILES_TOO if files_too else None)


_NOTHING = Layer({}, lambda _location: "")


def _flags_layer(flags: Sequence[Flag]) -> Layer:
    data: dict[str, Any] = {}
    for flag in flags:
        section = data
        for part in flag.location[:-1]:
            section = section.setdefault(part, {})
        section[flag.location[-1]] = flag.value
    names = {flag.location: flag.name for flag in flags}

    def where(location: Location) -> str:
        return next((name for way, name in names.items() if location[: len(way)] == way), "command line")

    return Layer(data, where)


def says_something(file: Path | None) -> bool:
    """Whether a YAML file has a setting in it; raises ``ConfigError``."""
    return file is not None and bool(read(file).data)


def _file_layer(file: Path | None, *, blank_too: bool) -> Layer:
    """The settings of a YAML file. A section whose every line is commented out counts as absent."""
    if file is None:
        return _NOTHING
    try:
        document = read(file)
    except ConfigError as error:
        return Layer({}, lambda _location: str(file), mistakes=error.mistakes)
    if not document.data and not blank_too:
        document.mistakes.append(Mistake(f"{file}:1", "is empty, but contained settings at startup"))
    return document.layer(
        {key: value for key, value in document.data.items() if value is not None or not _is_section(key)}
    )


def _is_section(key: str) -> bool:
    field = Settings.model_fields.get(key)
    return field is not None and bool(models_in(field.annotation)) and get_origin(field.annotation) is not tuple
