"""Conditions on settings, each with the words for a value that does not fulfil it."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

FILES_TOO = {"files": True}
"""The context of a validation that looks whether the files that are named are there."""


def matching(pattern: str, words: str) -> AfterValidator:
    """That a text as a whole matches a regular expression."""
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if expression.fullmatch(text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


HTTP_URL = matching("https?://[^@]+", "must begin with http:// or https://, and hold no user or password")


def _is_there(path: Path, info: ValidationInfo) -> Path:
    if info.context == FILES_TOO:
        try:
            path.stat()
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from error
        if not os.access(path, os.R_OK):
            raise ValueError("the file cannot be read: Permission denied")
    return path


NamedFile = Annotated[Path, AfterValidator(_is_there)]
"""A file that is read later, and may come later."""
