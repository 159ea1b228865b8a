"""Cuts the texts of upstreams to the limits that texts of senders must keep."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from dora_exporter.dora.events import Commit, Deployment, Incident
from dora_exporter.dora.reserved import freed

ID_LENGTH = 128
LABEL_LENGTH = 200
TEXT_LENGTH = 1000
TITLE_LENGTH = 4000
MOST_TAGS = 100
MOST_SERVICES = 1000
MOST_COMMITS = 5000
MOST_FACTS = 1000

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CHANGES = ("cut", "replaced", "renamed", "dropped")
"""The changes to a text: cut at its limit, control characters replaced, a reserved name renamed, an invalid SHA
dropped."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHA = re.compile("[0-9a-f]{7,128}")
_Item = TypeVar("_Item")


def is_id(text: str) -> bool:
    """Whether a text may be the id of an event."""
    return 0 < len(text) <= ID_LENGTH and _CONTROL.search(text) is None


def bounded_label(text: str) -> str:
    """A text, changed as needed to be the value of a label."""
    return _Fitting(Counter()).label(text)


def bounded_deployment(event: Deployment, changes: Counter[str]) -> Deployment:
    """The deployment with every text within its limits; ``changes`` counts the changes."""
    fit = _Fitting(changes)
    fitted = {
        "service": fit.label(event.service),
        "environment": fit.label(event.environment),
        "version": fit.text(event.version),
        "commit_sha": fit.sha(event.commit_sha),
        "repository": fit.text(event.repository, TITLE_LENGTH),
        "team": fit.optional_label(event.team),
        "tags": fit.tags(event.tags),
        "commits": fit.commits(event.commits),
        "upstream": fit.facts(event.upstream),
    }
    return replace(event, **fitted)


def bounded_incident(event: Incident, changes: Counter[str]) -> Incident:
    """The incident with every text within its limits; ``changes`` counts the changes."""
    fit = _Fitting(changes)
    fitted = {
        "services": fit.services(event.services),
        "environment": fit.label(event.environment),
        "name": fit.title(event.name),
        "severity": fit.text(event.severity),
        "team": fit.optional_label(event.team),
        "version": fit.text(event.version),
        "commit_sha": fit.sha(event.commit_sha),
        "repository": fit.text(event.repository, TITLE_LENGTH),
        "tags": fit.tags(event.tags),
        "upstream": fit.facts(event.upstream),
    }
    return replace(event, **fitted)


def _is_kept_as_it_is(fact: object) -> bool:
    if isinstance(fact, str):
        return len(fact) <= TITLE_LENGTH and (fact.isascii() or _SURROGATE.search(fact) is None)
    return not isinstance(fact, list) or (len(fact) <= MOST_FACTS and all(map(_is_kept_as_it_is, fact)))


def _fact(fact: object) -> object:
    if isinstance(fact, str):
        return _SURROGATE.sub(REPLACEMENT, fact[:TITLE_LENGTH])
    return list(map(_fact, fact[:MOST_FACTS])) if isinstance(fact, list) else fact


class _Fitting:
    def __init__(self, changes: Counter[str]) -> None:
        self._changes = changes

    def label(self, text: str) -> str:
        fitted = self._fitted(text, LABEL_LENGTH, _CONTROL)
        free = freed(fitted)
        self._changes["renamed"] += free != fitted
        return free

    def optional_label(self, text: str | None) -> str | None:
        return self.label(text) if text else None

    def text(self, text: str | None, limit: int = TEXT_LENGTH) -> str | None:
        return self._fitted(text, limit, _CONTROL) if text else None

    def title(self, text: str | None) -> str | None:
        """A text that may have several lines."""
        return self._fitted(text, TITLE_LENGTH, _CONTROL_IN_LINES) if text else None

    def sha(self, text: str | None) -> str | None:
        if text is None or _SHA.fullmatch(text):
            return text
        self._changes["dropped"] += 1
        return None

    def services(self, names: Sequence[str]) -> tuple[str, ...]:
        fitted = tuple(self.label(name) for name in self._first(names, MOST_SERVICES) if name)
        return tuple(sorted(set(fitted)))

    def tags(self, tags: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._fitted(tag, TEXT_LENGTH, _CONTROL) for tag in self._first(tags, MOST_TAGS))

    def commits(self, commits: Sequence[Commit] | None) -> tuple[Commit, ...] | None:
        if commits is None:
            return None
        kept = self._first(commits, MOST_COMMITS)
        known = tuple(each for each in kept if _SHA.fullmatch(each.sha))
        self._changes["dropped"] += len(kept) - len(known)
        return tuple(replace(each, subject=self.title(each.subject)) if each.subject else each for each in known)

    def facts(self, facts: dict[str, Any] | None) -> dict[str, Any] | None:
        """The upstream facts beside the fields. They are not shown, so short and valid UTF-8 is enough."""
        if facts is None or all(map(_is_kept_as_it_is, facts.values())):
            return facts
        return {name: _fact(value) for name, value in facts.items()}

    def _first(self, items: Sequence[_Item], limit: int) -> Sequence[_Item]:
        self._changes["cut"] += len(items) > limit
        return items[:limit]

    def _fitted(self, text: str, limit: int, control: re.Pattern[str]) -> str:
        if len(text) > limit:
            self._changes["cut"] += 1
            text = text[:limit]
        if text.isprintable() or control.search(text) is None:
            return text
        self._changes["replaced"] += 1
        return control.sub(REPLACEMENT, text)
