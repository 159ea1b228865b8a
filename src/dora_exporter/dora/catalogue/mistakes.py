"""What is wrong with the entries of a catalogue."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dora_exporter.dora.catalogue.cycles import endless
from dora_exporter.dora.catalogue.glob import is_glob, references, takes_everything, wildcards
from dora_exporter.dora.catalogue.spellings import Entry


class EntryMistake(NamedTuple):
    """A mistake in an alias: the key of its entry, and its place among the aliases, from 0."""

    key: str
    place: int
    text: str


def mistakes_in(entries: Iterable[Entry]) -> Iterator[EntryMistake]:
    """The mistakes in the entries of services, or of environments; none in entries that can be used."""
    entries = tuple(entries)
    names = {entry.key: entry for entry in entries if entry.template is None}
    owners: dict[str, str] = {}
    for entry in entries:
        for index, alias in enumerate(entry.aliases):
            text = _mistake(entry, alias, names, owners)
            if text:
                yield EntryMistake(entry.key, index, text)
            owners.setdefault(alias, entry.key)
    yield from _cycle([entry for entry in entries if entry.template is not None])


def _mistake(entry: Entry, alias: str, names: Mapping[str, Entry], owners: Mapping[str, str]) -> str | None:
    if takes_everything(alias):
        return f"{alias} of {entry.key} matches every name: make it more specific"
    if alias in owners:
        other = owners[alias]
        return f"{alias} stands here twice" if other == entry.key else f"{alias} is an alias of {other}, too"
    if entry.template is not None:
        return _mistake_in_family(alias, entry.template)
    if alias == entry.key:
        return f"{alias} is the name itself"
    if alias in names:
        return _about_name(entry, alias, names)
    return None


def _about_name(entry: Entry, alias: str, names: Mapping[str, Entry]) -> str:
    """What to say of an alias that is the name of another entry."""
    way = [entry.key, alias]
    while way[-1] != entry.key:
        following = [each for each in names[way[-1]].aliases if each in names and each not in way[1:]]
        if not following:
            return f"{alias} is a name of its own: an alias of {entry.key} cannot be the key of another entry"
        way.append(entry.key if entry.key in following else following[0])
    return f"is a cycle of names: {' -> '.join(way)}"


def _mistake_in_family(alias: str, template: str) -> str | None:
    if not is_glob(alias):
        return f"{alias} has no wildcard that {template} could be made from"
    if max(references(template)) > wildcards(alias):
        return f"{alias} has fewer wildcards than {template} names"
    return None


def _cycle(families: Iterable[Entry]) -> Iterator[EntryMistake]:
    """Families that would rename for ever."""
    cycle = endless(families)
    if cycle:
        first, following = cycle[0], cycle[1 % len(cycle)]
        again = " again" if following.key == first.key else ""
        text = f"is a cycle of names: what {first.key} makes of {first.glob} is an alias of {following.key}{again}"
        yield EntryMistake(first.key, first.place, text)
