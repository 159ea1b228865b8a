"""Finds what needs the driver, which is an extra that not everybody installs."""

from pkgutil import resolve_name
from typing import Any

from dora_exporter.storage.postgresql.errors import DatabaseError


def needing_driver(name: str) -> Any:  # noqa: ANN401
    """The object of that name (``module:object``); raises DatabaseError where the driver is missing."""
    try:
        return resolve_name(name)
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise DatabaseError(
            "store.url needs a driver that is not installed: pip install 'dora-exporter[postgresql]'"
        ) from error
