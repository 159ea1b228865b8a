"""The words of a query, and what their wildcards match."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

MANY = None
"""Stands for any characters."""

ONE = ""
"""Stands for one character."""

Symbol = str | None
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
        raise Malformed("has an unclosed quote")
    return position, Word(query[start:position], tuple(symbols), colon)


def matcher(symbols: Sequence[Symbol]) -> Callable[[str], bool]:
    """Whether a whole text fits the symbols; it takes no more than the product of both lengths to tell."""
    if all(symbols):
        text = "".join(map(str, symbols))
        return lambda given: given == text
    parts: list[list[str]] = [[]]
    for symbol in symbols:
        if symbol is MANY:
            parts.append([])
        else:
            parts[-1].append(symbol)
    fits = re.compile(_expression(parts), re.DOTALL).fullmatch
    return lambda given: fits(given) is not None


def _expression(parts: list[list[str]]) -> str:
    """Each part is looked for where it fits first, and never again: an atomic group remembers no other place."""
    first, *others = map(_literal, parts)
    if not others:
        return first
    last = others.pop()
    end = f"(?>.{{{len(parts[-1])},}})(?<={last})" if last else ".*"
    return "".join([first, *(f"(?>.*?{part})" for part in others if part), end])


def _literal(symbols: list[str]) -> str:
    return "".join(
        re.escape(symbol) * len(run) if symbol else f".{{{len(run)}}}"
        for symbol, run in ((symbol, [*same]) for symbol, same in groupby(symbols))
    )
