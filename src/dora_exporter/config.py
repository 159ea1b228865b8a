"""The settings: their keys, their defaults, and how flags, environment, secrets and a YAML file make them up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from dora_exporter import addresses, config_file, config_layers
from dora_exporter.config_errors import ConfigError, Layer, Location, Mistake, misplaced, validate
from dora_exporter.durations import Duration, Span
from dora_exporter.events import DAY_MS

__all__ = ["ConfigError", "Flag", "Settings", "load"]


def _whole(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("must be a whole number")  # noqa
    return value
