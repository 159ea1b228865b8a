"""The response body of a change that returns nothing."""

from msgspec import Struct


class EmptyAnswer(Struct, frozen=True):
    """A change that is accepted."""

    data: None = None
