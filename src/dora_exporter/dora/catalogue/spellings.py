"""Which name the numbers of a service or of an environment have, however it was spelled."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dora_exporter.dora.catalogue.glob import Glob, expanded, is_glob
from dora_exporter.dora.reserved import RESERVED

_LONGEST_NAME = 200
_MOST_STEPS = 1000
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A name with its other spellings. ``template`` makes it a family, whose names follow from what globs capture."""

    key: str
    aliases: tuple[str, ...] = ()
    template: str | None = None
    ignore: bool = False


class Meaning(NamedTuple):
    """The name that numbers have, and how it was found: ``rule`` is the key of the first entry that renamed.

    ``is_known`` is False where no entry knows the name; ``ignored_by`` is the key of the entry that ignores it.
    """

    name: str
    rule: str | None = None
    is_known: bool = False
    ignored_by: str | None = None


class Spellings:
    """The entries of one kind. A name itself comes first, then a text, then globs in the order of the entries."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """The entries have to be checked already: see ``check``."""
        self._names: dict[str, Entry] = {}
        self._texts: dict[str, Entry] = {}
        self._globs: list[tuple[Glob, Entry]] = []
        self._known: dict[str, Meaning] = {}
        for entry in entries:
            if entry.template is None:
                self._names[entry.key] = entry
            for alias in entry.aliases:
                if is_glob(alias):
                    self._globs.append((Glob(alias), entry))
                else:
                    self._texts[alias] = entry

    def meaning(self, name: str) -> Meaning:
        """What a name means."""
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:  # unknown names in questions must not fill the memory
                self._known.clear()
            known = self._known[name] = self._find(name)
        return known

    def _find(self, name: str) -> Meaning:
        rule: str | None = None
        for _ in range(_MOST_STEPS):
            entry, after = self._step(name)
            if entry is None:
                return Meaning(name, rule, is_known=rule is not None)
            if after != name:
                rule = rule or entry.key
            if entry.template is None:
                return Meaning(after, rule, is_known=True, ignored_by=entry.key if entry.ignore else None)
            name = after
        return Meaning(name, rule, is_known=True)

    def _step(self, name: str) -> tuple[Entry | None, str]:
        """The entry that knows a name, and the name that it gives."""
        entry = self._names.get(name) or self._texts.get(name)
        if entry:
            return entry, entry.key
        for glob, entry in self._globs:
            captured = glob.captured(name)
            if captured is not None:
                after = entry.key if entry.template is None else expanded(entry.template, captured)
                if _is_usable(after) and after != name:
                    return entry, after
        return None, name


def _is_usable(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name != RESERVED and name == name.strip()
