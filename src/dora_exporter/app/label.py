"""Names in the settings that become the values of labels."""

from typing import Annotated

from pydantic import AfterValidator, Field

from dora_exporter.sources.label import NOT_RESERVED


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text")
    return text


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Label = Annotated[Name, NOT_RESERVED]
