"""The query language of the lists: ``service:(checkout OR cart) env:prod -team:web version:*rc*``."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from dora_exporter.dora.events import Checkout, Deployment, Event, Incident
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.api.search.tokens import MANY, Malformed, Sign, Symbol, Word, matcher, tokens
from dora_exporter.web.server.errors import BadAttribute

Predicate = Callable[[Event, Turn], Awaitable[bool]]
"""Whether an event is asked for. An event with many values and a query with many terms take more than one turn."""

MAX_LENGTH = 1000
_MAX_TERMS = 100
_MAX_DEPTH = 20


def parse(query: str | None) -> Predicate:
    r"""Whether an event is asked for; no query and ``*`` ask for all. Raises ``BadAttribute``.

    Terms ``key:value`` side by side must all match; ``AND``, ``OR``, ``NOT``, ``-`` and brackets combine them. ``*``
    stands for any characters and ``?`` for one, but not within quotes; ``\`` takes its meaning from the next
    character. A key that is no attribute asks for a custom tag.
    """
    if query is None or not query.strip():
        return _is_anything
    if len(query) > MAX_LENGTH:
        raise BadAttribute("query", f"must not be longer than {MAX_LENGTH} characters")
    try:
        return _Reader([*tokens(query)]).read()
    except Malformed as error:
        raise BadAttribute("query", str(error)) from error


class _Reader:
    """Reads the words of a query from left to right; raises ``Malformed`` where they make no sense."""

    def __init__(self, words: Sequence[Sign | Word]) -> None:
        self._words = words
        self._position = 0
        self._depth = 0
        if sum(isinstance(word, Word) for word in words) > _MAX_TERMS:
            raise Malformed(f"must not have more than {_MAX_TERMS} terms")

    def read(self) -> Predicate:
        predicate = self._alternatives(None)
        if self._next() is not None:
            raise Malformed("closes a bracket that was not opened")
        return predicate

    def _alternatives(self, key: str | None) -> Predicate:
        found = [self._conjunction(key)]
        while self._take("OR"):
            found.append(self._conjunction(key))
        return found[0] if len(found) == 1 else _any_of(found)

    def _conjunction(self, key: str | None) -> Predicate:
        found = [self._factor(key)]
        while self._take("AND") or self._next() not in (None, ")", "OR"):
            found.append(self._factor(key))
        return found[0] if len(found) == 1 else _all_of(found)

    def _factor(self, key: str | None) -> Predicate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Malformed(f"must not be nested deeper than {_MAX_DEPTH}")
        if self._take("NOT"):
            predicate = _negation(self._factor(key))
        elif self._take("("):
            predicate = self._bracket(key)
        else:
            predicate = self._term(key)
        self._depth -= 1
        return predicate

    def _bracket(self, key: str | None) -> Predicate:
        predicate = self._alternatives(key)
        if not self._take(")"):
            raise Malformed("opens a bracket that is not closed")
        return predicate

    def _term(self, key: str | None) -> Predicate:
        word = self._next()
        if not isinstance(word, Word):
            raise Malformed("ends where a term is needed" if word is None else f"has {word} where a term is needed")
        self._position += 1
        if key is not None:
            return _asks(key, word.symbols)
        if word.symbols == (MANY,):
            return _is_anything
        if not word.key:
            raise Malformed(f"has the term {word.text} without a key: write service:{word.text}")
        if not word.value and self._take("("):
            return self._bracket(word.key)
        return _asks(word.key, word.value)

    def _next(self) -> Sign | Word | None:
        return self._words[self._position] if self._position < len(self._words) else None

    def _take(self, sign: Sign) -> bool:
        is_there = self._next() == sign
        self._position += is_there
        return is_there


def _asks(key: str, symbols: Sequence[Symbol]) -> Predicate:
    matches = matcher(symbols)
    values_of = _ATTRIBUTES.get(key) or _tags_of(key)

    async def holds(event: Event, turn: Turn) -> bool:
        for value in values_of(event):
            if value is not None and matches(value):
                return True
            if turn.is_over:
                await turn.give()
        return False

    return holds


def _tags_of(key: str) -> Callable[[Event], Iterable[str]]:
    prefix = f"{key}:"
    return lambda event: (tag[len(prefix) :] for tag in event.tags if tag.startswith(prefix))


async def _is_anything(_event: Event, _turn: Turn) -> bool:
    return True


def _any_of(found: Sequence[Predicate]) -> Predicate:
    async def holds(event: Event, turn: Turn) -> bool:
        for predicate in found:
            if await predicate(event, turn):
                return True
        return False

    return holds


def _all_of(found: Sequence[Predicate]) -> Predicate:
    async def holds(event: Event, turn: Turn) -> bool:
        for predicate in found:
            if not await predicate(event, turn):
                return False
        return True

    return holds


def _negation(predicate: Predicate) -> Predicate:
    async def holds(event: Event, turn: Turn) -> bool:
        return not await predicate(event, turn)

    return holds


def _services(event: Event) -> Iterable[str]:
    return event.services if isinstance(event, Incident) else (event.service,)


def _change_failure(event: Event) -> Iterable[str]:
    if not isinstance(event, Deployment):
        return ()
    return ("null",) if event.verdict is None else (str(event.verdict.change_failure).lower(),)


def _further(event: Event) -> Sequence[Checkout]:
    return event.further if isinstance(event, Deployment) else ()


def _shas(event: Event) -> Iterable[str | None]:
    return (event.commit_sha, *(each.commit_sha for each in _further(event)))


def _repositories(event: Event) -> Iterable[str | None]:
    return (event.repository, *(each.repository for each in _further(event)))


def _of_incident(name: str) -> Callable[[Event], Iterable[str | None]]:
    return lambda event: (getattr(event, name),) if isinstance(event, Incident) else ()


_ATTRIBUTES: dict[str, Callable[[Event], Iterable[str | None]]] = {
    "service": _services,
    "services": _services,
    "env": lambda event: (event.environment,),
    "environment": lambda event: (event.environment,),
    "team": lambda event: (event.team,),
    "version": lambda event: (event.version,),
    "source": lambda event: (event.source,),
    "id": lambda event: (event.id,),
    "commit_sha": _shas,
    "git.commit_sha": _shas,
    "repository_id": _repositories,
    "git.repository_id": _repositories,
    "name": _of_incident("name"),
    "severity": _of_incident("severity"),
    "change_failure": _change_failure,
}
