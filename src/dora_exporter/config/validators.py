"""Validators of settings, each with the message for an invalid value."""

import os
import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

_LOOKED_AT_BYTES = 65_536

FILES_TOO = {"files": True}
"""The validation context that also checks whether the named files exist."""


def _not_rounded(value: object) -> object:
    """Pydantic would take true for 1 and 2.0 for 2."""
    if isinstance(value, bool | float):
        raise PydanticCustomError("int_type", "must be a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_not_rounded)]
"""A whole number, which is not rounded from another."""


def matching(pattern: str, words: str) -> AfterValidator:
    """That a text as a whole matches a regular expression."""
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if expression.fullmatch(text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


def _http_url(text: str) -> str:
    if re.fullmatch(r"https?://[^@\s\x00-\x1f]+", text) is None:
        raise ValueError("must begin with http:// or https://, and hold no user or password")
    try:
        is_usable = bool(urlsplit(text).hostname) and urlsplit(text).port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("must name a host, and a port from 1 to 65535 if any")
    return text


HTTP_URL = AfterValidator(_http_url)


def _not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("must not be empty")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_not_blank)]
"""A secret that is given directly."""


def _is_there(path: Path, info: ValidationInfo) -> Path:
    if info.context == FILES_TOO:
        try:
            path.stat()
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from error
        if not os.access(path, os.R_OK):
            raise ValueError("the file cannot be read: Permission denied")
        if path.is_file() and _is_blank(path):
            raise ValueError("the file is empty")
    return path


def _is_blank(path: Path) -> bool:
    with path.open("rb") as file:
        return not file.read(_LOOKED_AT_BYTES).removeprefix(BOM_UTF8).strip()


NamedFile = Annotated[Path, AfterValidator(_is_there)]
"""A file that is read later, and may come later."""
