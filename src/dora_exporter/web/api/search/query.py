"""The query language of the lists: ``service:(checkout OR cart) env:prod -team:web version:*rc*``."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import Event
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.api.search.attributes import Values, values_of
from dora_exporter.web.server.errors import BadAttribute

Predicate = Callable[[Event, Turn], Awaitable[bool]]
"""Whether an event is asked for. An event with many values and a query with many terms take more than one turn."""

MAX_LENGTH = 1000
_MAX_TERMS = 100
_MAX_DEPTH = 20
MANY = None
"""Stands for any characters."""

ONE = ""
"""Stands for one character."""
Symbol = str | None
_Sign = Literal["(", ")", "AND", "OR", "NOT"]

_SIGNS: dict[str, _Sign] = {"(": "(", ")": ")", "AND": "AND", "OR": "OR", "NOT": "NOT", "-": "NOT"}
_WILDCARDS: dict[str, Symbol] = {"*": MANY, "?": ONE}


class _Malformed(Exception):
    """A query that makes no sense; the message goes on after its name."""


@dataclass(frozen=True, slots=True)
class _Word:
    """A word: ``text`` is how it was written, ``colon`` where its key ends."""

    text: str
    symbols: tuple[Symbol, ...]
    colon: int | None

    @property
    def key(self) -> str | None:
        """The text before the first colon, with ``*`` for wildcards."""
        return None if self.colon is None else "".join(each or "*" for each in self.symbols[: self.colon])

    @property
    def value(self) -> tuple[Symbol, ...]:
        """The symbols after the first colon."""
        return self.symbols if self.colon is None else self.symbols[self.colon + 1 :]


def parse(query: str | None, catalogue: Catalogue = NO_CATALOGUE) -> Predicate:
    r"""Whether an event is asked for; no query and ``*`` ask for all. Raises ``BadAttribute``.

    Terms ``key:value`` side by side must all match; ``AND``, ``OR``, ``NOT``, ``-`` and brackets combine them. ``*``
    stands for any characters and ``?`` for one, but not within quotes; ``\`` takes its meaning from the next
    character. A key that is no attribute asks for a custom tag. Services and environments are found by the names that
    were sent, and by those of the ``catalogue``.
    """
    if query is None or not query.strip():
        return _is_anything
    if len(query) > MAX_LENGTH:
        raise BadAttribute("query", f"must not be longer than {MAX_LENGTH} characters")
    try:
        return _Reader([*_tokens(query)], catalogue).read()
    except _Malformed as error:
        raise BadAttribute("query", str(error)) from error


class _Reader:
    """Reads the words of a query from left to right; raises ``_Malformed`` where they make no sense."""

    def __init__(self, words: Sequence[_Sign | _Word], catalogue: Catalogue) -> None:
        self._words = words
        self._catalogue = catalogue
        self._position = 0
        self._depth = 0
        if sum(isinstance(word, _Word) for word in words) > _MAX_TERMS:
            raise _Malformed(f"must not have more than {_MAX_TERMS} terms")

    def read(self) -> Predicate:
        predicate = self._alternatives(None)
        if self._next() is not None:
            raise _Malformed("closes a bracket that was not opened")
        return predicate

    def _alternatives(self, key: str | None) -> Predicate:
        found = [self._conjunction(key)]
        while self._consume("OR"):
            found.append(self._conjunction(key))
        return _combination(found, decisive=True)

    def _conjunction(self, key: str | None) -> Predicate:
        found = [self._factor(key)]
        while self._consume("AND") or self._next() not in (None, ")", "OR"):
            found.append(self._factor(key))
        return _combination(found, decisive=False)

    def _factor(self, key: str | None) -> Predicate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _Malformed(f"must not be nested deeper than {_MAX_DEPTH}")
        if self._consume("NOT"):
            predicate = _negation(self._factor(key))
        elif self._consume("("):
            predicate = self._bracket(key)
        else:
            predicate = self._term(key)
        self._depth -= 1
        return predicate

    def _bracket(self, key: str | None) -> Predicate:
        predicate = self._alternatives(key)
        if not self._consume(")"):
            raise _Malformed("opens a bracket that is not closed")
        return predicate

    def _term(self, key: str | None) -> Predicate:
        word = self._next()
        if not isinstance(word, _Word):
            raise _Malformed("ends where a term is needed" if word is None else f"has {word} where a term is needed")
        self._position += 1
        if key is not None:
            return self._asks(key, word.symbols)
        if word.symbols == (MANY,):
            return _is_anything
        if not word.key:
            raise _Malformed(f"has the term {word.text} without a key: write service:{word.text}")
        if not word.value and self._consume("("):
            return self._bracket(word.key)
        return self._asks(word.key, word.value)

    def _asks(self, key: str, symbols: Sequence[Symbol]) -> Predicate:
        return _asks(values_of(key, self._catalogue), matcher(symbols))

    def _next(self) -> _Sign | _Word | None:
        return self._words[self._position] if self._position < len(self._words) else None

    def _consume(self, sign: _Sign) -> bool:
        is_there = self._next() == sign
        self._position += is_there
        return is_there


def _asks(values: Values, matches: Callable[[str], bool]) -> Predicate:
    async def holds(event: Event, turn: Turn) -> bool:
        for value in values(event):
            if value is not None and matches(value):
                return True
            if turn.is_over:
                await turn.give()
        return False

    return holds


async def _is_anything(_event: Event, _turn: Turn) -> bool:
    return True


def _combination(found: Sequence[Predicate], *, decisive: bool) -> Predicate:
    """Whether one holds (True is decisive) or all do (False is)."""

    async def holds(event: Event, turn: Turn) -> bool:
        for predicate in found:
            if await predicate(event, turn) is decisive:
                return decisive
        return not decisive

    return holds if len(found) > 1 else found[0]


def _negation(predicate: Predicate) -> Predicate:
    async def holds(event: Event, turn: Turn) -> bool:
        return not await predicate(event, turn)

    return holds


def _tokens(query: str) -> Iterator[_Sign | _Word]:
    """Brackets, operators and words; raises ``_Malformed`` at a quote without its partner."""
    position = 0
    while position < len(query):
        character = query[position]
        if character.isspace():
            position += 1
        elif character in "()-":
            position += 1
            yield _SIGNS[character]
        else:
            position, word = _word(query, position)
            yield _SIGNS.get(word.text, word)


def _word(query: str, start: int) -> tuple[int, _Word]:
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
        raise _Malformed("has an unclosed quote")
    return position, _Word(query[start:position], tuple(symbols), colon)


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
