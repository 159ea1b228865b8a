"""Items in groups that are sent or written at once."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_SIZE = 500
_Item = TypeVar("_Item")


def groups(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """The items in their order, some hundred at a time."""
    iterator = iter(items)
    while group := list(islice(iterator, _SIZE)):
        yield group
