"""Proposes aliases for names that look like other spellings of one."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from dora_exporter.dora.catalogue.glob import is_glob
from dora_exporter.dora.catalogue.spellings import Spellings

Suggestions = Mapping[str, list[str]]
"""The spellings that are likely those of a name."""

_WELL_KNOWN = (
    ("production", "prod", "prd", "live"),
    ("staging", "stage", "stg"),
    ("testing", "test", "tst"),
    ("development", "develop", "devel", "dev"),
)
"""Spellings of one environment; a company that has ``stage`` and ``uat`` has two."""

_FIRST = {spelling: names[0] for names in _WELL_KNOWN for spelling in names}
_SUFFIX = re.compile(r"[-_. ](?:svc|service)$")
_SEPARATOR = re.compile(r"[-_. ]+")


def of_services(counts: Mapping[str, int], known: Spellings) -> Suggestions:
    """The services that differ in case, in separators or in ``-svc`` alone. ``counts`` are the events of each name."""
    return _suggested(counts, known, lambda name: _SEPARATOR.sub("-", _SUFFIX.sub("", name.casefold())))


def of_environments(counts: Mapping[str, int], known: Spellings) -> Suggestions:
    """The environments that differ in case or separators alone, or are well-known spellings of one."""

    def normal(name: str) -> str:
        folded = _SEPARATOR.sub("-", name.casefold())
        return _FIRST.get(folded, folded)

    return _suggested(counts, known, normal)


def _suggested(counts: Mapping[str, int], known: Spellings, normal: Callable[[str], str]) -> Suggestions:
    """The most frequent spelling stays, unless an entry knows another one."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in counts:
        if _can_be_alike(name):
            alike[normal(name)].append(name)
    found: dict[str, list[str]] = {}
    for names in alike.values():
        kept = min(names, key=lambda name: (not known.meaning(name).is_known, -counts[name], name))
        others = sorted(name for name in names if name != kept and not known.meaning(name).is_known)
        if others:
            found[known.meaning(kept).name] = others
    return dict(sorted(found.items()))


def _can_be_alike(name: str) -> bool:
    """Not a name of separators alone, which are all alike; nor one that would be read as a glob."""
    return _SEPARATOR.sub("", _SUFFIX.sub("", name)) != "" and not is_glob(name)
