"""Names in the settings of sources, and those that become the values of labels."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from dora_exporter.dora.reserved import RESERVED


def _not_reserved(name: str) -> str:
    if name == RESERVED:
        raise ValueError("is reserved for the series beyond the limit")
    return name


NOT_RESERVED = AfterValidator(_not_reserved)
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""What an upstream calls something."""
Label = Annotated[Name, NOT_RESERVED]
"""What a source calls services, environments and teams."""
