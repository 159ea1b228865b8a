"""Names in the settings that become the values of labels."""

from typing import Annotated

from pydantic import AfterValidator, Field

from dora_exporter.dora.reserved import RESERVED


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text")
    return text


def _not_reserved(name: str) -> str:
    if name == RESERVED:
        raise ValueError("is reserved for the series beyond the limit")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Label = Annotated[Name, AfterValidator(_not_reserved)]
