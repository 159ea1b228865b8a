"""The answer of whoever has nothing to say but that it is done."""

from msgspec import Struct


class EmptyAnswer(Struct, frozen=True):
    """A change that is accepted."""

    data: None = None
