"""The response body of a change that returns nothing."""

from msgspec import Struct


class EmptyAnswer(Struct, frozen=True):
    """The change was accepted."""

    data: None = None
