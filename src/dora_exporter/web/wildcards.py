"""Patterns with ``*`` and ``?``, matched without backtracking."""

from collections.abc import Sequence

MANY = None
"""Stands for any characters."""

ONE = ""
"""Stands for one character."""

Symbol = str | None


class Pattern:
    """A pattern over whole texts. It takes at most the product of both lengths to match."""

    __slots__ = ("_parts", "_text")

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        """``symbols`` are characters, ``MANY`` and ``ONE``."""
        parts: list[list[str]] = [[]]
        for symbol in symbols:
            if symbol is MANY:
                parts.append([])
            else:
                parts[-1].append(symbol)
        self._parts = [_Part(part) for part in parts]
        self._text = "".join(parts[0]) if len(parts) == 1 and ONE not in parts[0] else None

    def matches(self, text: str) -> bool:
        """Whether the whole text fits."""
        if self._text is not None:
            return text == self._text
        first, *middle = self._parts
        if not middle:
            return len(text) == first.length and first.fits(text, 0)
        last = middle.pop()
        end = len(text) - last.length
        if end < first.length or not first.fits(text, 0) or not last.fits(text, end):
            return False
        position = first.length
        for part in middle:
            position = part.find(text, position, end)
            if position < 0:
                return False
            position += part.length
        return True


class _Part:
    """The characters between two ``MANY``."""

    __slots__ = ("_symbols", "_text", "length")

    def __init__(self, symbols: list[str]) -> None:
        self._symbols = symbols
        self._text = None if ONE in symbols else "".join(symbols)
        self.length = len(symbols)

    def fits(self, text: str, position: int) -> bool:
        if self._text is not None:
            return text.startswith(self._text, position)
        return all(symbol in (ONE, text[position + index]) for index, symbol in enumerate(self._symbols))

    def find(self, text: str, start: int, end: int) -> int:
        """Where it fits first between two positions, -1 if nowhere."""
        if self._text is not None:
            return text.find(self._text, start, end)
        for position in range(start, end - self.length + 1):
            if self.fits(text, position):
                return position
        return -1
