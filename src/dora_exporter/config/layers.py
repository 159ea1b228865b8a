"""Settings from environment variables, from a folder of secrets, and from files with a secret per line."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from dora_exporter.config.errors import ConfigError, Layer, Location, Mistake, models_in, suggestion
from dora_exporter.config.yaml_file import read_text

PREFIX = "DORA_"
FOLDER_VARIABLES = ("DORA_SECRETS_DIR", "CREDENTIALS_DIRECTORY")
"""Variables that name the folder of secrets; the second one is systemd's."""

_NESTING = "__"
_LIKENESS = 0.8
"""The similarity at which an unknown name is suggested as a known one; high, because all names begin alike."""

_OTHERS = ("DORA_EXPORTER_", "DORA_SEND_")
"""Kubernetes sets the first in containers when there is a Service ``dora-exporter``; ``send`` reads the second."""


class _Sorter(EnvSettingsSource):
    """Sorts variables into a model. What is not JSON where JSON is expected stays text, for the model to refuse."""

    def __init__(self, settings: type[BaseSettings], variables: Mapping[str, str]) -> None:
        super().__init__(settings, case_sensitive=False, env_prefix=PREFIX, env_nested_delimiter=_NESTING)
        self.env_vars = {name.lower(): value for name, value in variables.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: object) -> object:
        try:
            return json.loads(str(value))
        except (ValueError, RecursionError):
            return value


def variables_layer(
    settings: type[BaseSettings], variables: Mapping[str, str], *, label: str = "environment variable {name}"
) -> Layer:
    """The settings in variables named ``DORA_...``; each must have the name of a setting."""
    ours = {name: value for name, value in variables.items() if _is_ours(name)}
    unknown = [name for name in ours if not _is_known(settings, _location(name))]
    labels = {_location(name): label.format(name=name) for name in ours}
    sorter = _Sorter(settings, {name: value for name, value in ours.items() if name not in unknown})

    def where(location: Location) -> str:
        lowered = tuple(str(part).lower() for part in location)
        ways = (lowered[:length] for length in range(len(lowered), 0, -1))
        return next((labels[way] for way in ways if way in labels), "environment")

    names = list(_names(settings, PREFIX))
    mistakes = [
        Mistake(label.format(name=name), f"is unknown{suggestion(name, names, likeness=_LIKENESS)}") for name in unknown
    ]
    return Layer(sorter(), where, json=True, mistakes=tuple(mistakes))


def folder_layer(settings: type[BaseSettings], folder: Path) -> Layer:
    """The settings in the files of a folder, named like variables. A list may have one item per line."""
    try:
        files = sorted(file for file in folder.iterdir() if _is_ours(file.name))
    except OSError as error:
        mistake = Mistake(str(folder), f"the secrets folder cannot be read: {error.strerror}")
        return Layer({}, lambda _location: str(folder), mistakes=(mistake,))
    secrets: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for file in files:
        try:
            secrets[file.name] = _in_one_piece(settings, file)
        except ConfigError as error:
            mistakes += error.mistakes
    layer = variables_layer(settings, secrets, label=f"{folder}/{{name}}")
    return replace(layer, mistakes=(*mistakes, *layer.mistakes))


def secret_lines_layer(model: type[BaseModel], *, above: Sequence[Layer], below: Sequence[Layer]) -> Layer:
    """The lists of secrets that ``<key>_file`` keys name. ``above`` and ``below`` are the layers around this one."""
    data: dict[str, list[str]] = {}
    places: dict[Location, str] = {}
    mistakes: list[Mistake] = []
    for key in (name for name in model.model_fields if f"{name}_file" in model.model_fields):
        naming = [layer for layer in (*above, *below) if isinstance(layer.data.get(f"{key}_file"), str)]
        doubled = [layer.where((f"{key}_file",)) for layer in naming if key in layer.data]
        mistakes += [Mistake(where, f"{key} and {key}_file exclude each other") for where in doubled]
        if not naming or doubled or any(key in layer.data for layer in above):
            continue
        file = Path(naming[0].data[f"{key}_file"])
        try:
            lines = _lines(file)
        except ConfigError as error:
            mistakes += [Mistake(naming[0].where((f"{key}_file",)), f"{key}_file: {each}") for each in error.mistakes]
            lines = [(1, "unreadable")]  # so that an operator who has set keys is not told to set some
        data[key] = [text for _, text in lines]
        places |= {(key, index): f"{file}:{number}" for index, (number, _) in enumerate(lines)}
    return Layer(data, lambda location: places.get(location, "secret file"), mistakes=tuple(mistakes))


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(_OTHERS) and name not in FOLDER_VARIABLES


def _location(name: str) -> tuple[str, ...]:
    return tuple(name[len(PREFIX) :].lower().split(_NESTING))


def _is_known(model: type[BaseModel], location: Iterable[str]) -> bool:
    """Whether a setting has this location. Below a mapping of names to values, anything may stand."""
    models = [model]
    for part in location:
        fields = [each.model_fields[part] for each in models if part in each.model_fields]
        if not fields:
            return False
        if any(get_origin(field.annotation) is dict for field in fields):
            return True
        models = [
            inner for field in fields if get_origin(field.annotation) is None for inner in models_in(field.annotation)
        ]
    return True


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The names of the variables for all settings."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name.upper()}"
        if get_origin(field.annotation) is None:
            for inner in models_in(field.annotation):
                yield from _names(inner, f"{prefix}{name.upper()}{_NESTING}")


def _in_one_piece(settings: type[BaseModel], file: Path) -> str:
    """The content of a secret file as a variable would have it."""
    lines = [text for _, text in _lines(file)]
    name = "_".join(_location(file.name))
    field = settings.model_fields.get(name)
    is_list = field is not None and get_origin(field.annotation) is tuple
    return json.dumps(lines) if is_list and not lines[0].startswith("[") else "\n".join(lines)


def _lines(file: Path) -> list[tuple[int, str]]:
    """The lines of a file that are not blank, each with its number; raises ``ConfigError``."""
    numbered = enumerate(read_text(file).splitlines(), start=1)
    lines = [(number, text.strip()) for number, text in numbered if text.strip()]
    if not lines:
        raise ConfigError([Mistake(str(file), "is empty")])
    return lines
