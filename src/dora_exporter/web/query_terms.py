"""The words of a query."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dora_exporter.web.wildcards import MANY, ONE, Symbol

Sign = Literal["(", ")", "AND", "OR", "NOT"]

_SIGNS: dict[str, Sign] = {"(": "(", ")": ")", "AND": "AND", "OR": "OR", "NOT": "NOT", "-": "NOT"}
_WILDCARDS: dict[str, Symbol] = {"*": MANY, "?": ONE}


class Malformed(Exception):
    """A query that makes no sense; the message goes on after its name."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word: ``text`` is how it was written, ``colon`` where its key ends."""

    text: str
    symbols: tuple[Symbol, ...]
    colon: int | None

    @property
    def key(self) -> str | None:
        """What stands before the first colon, as long as no wildcard is in it."""
        return None if self.colon is None else "".join(each or "*" for each in self.symbols[: self.colon])

    @property
    def value(self) -> tuple[Symbol, ...]:
        """What stands after the first colon."""
        return self.symbols if self.colon is None else self.symbols[self.colon + 1 :]


def tokens(query: str) -> Iterator[Sign | Word]:
    """Brackets, operators and words; raises ``Malformed`` at a quote without its partner."""
    position = 0
    while position < len(query):
        character = query[position]
        if character.isspace():
            position += 1
        elif character in "()-":
            position += 1
            yield _SIGNS[character]
        else:
            end, word = _word(query, position)
            position = end
            yield _SIGNS.get(word.text, word)


def _word(query: str, start: int) -> tuple[int, Word]:
    symbols: list[Symbol] = []
    colon = None
    position, is_quoted = start, False
    while position < len(query):
        character = query[position]
        if character == "\\" and position + 1 < len(query):
            position += 1
            symbols.append(query[position])
        elif character == '"':
            is_quoted = not is_quoted
        elif is_quoted:
            symbols.append(character)
        elif character.isspace() or character in "()":
            break
        else:
            if character == ":" and colon is None:
                colon = len(symbols)
            symbols.append(_WILDCARDS.get(character, character))
        position += 1
    if is_quoted:
        raise Malformed("has a quote without its partner")
    return position, Word(query[start:position], tuple(symbols), colon)
