"""Reads bodies by the rules of a source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dora_exporter.dora import repository_names
from dora_exporter.sources.webhook.expressions import Evaluation, Expression, TooCostly
from dora_exporter.sources.webhook.fields import FieldSettings, Nothing
from dora_exporter.sources.webhook.presets import Preset
from dora_exporter.sources.webhook.reports import DeploymentReport, IncidentReport, NotUnderstood
from dora_exporter.sources.webhook.rules import DeploymentRule, IncidentRule, Rule
from dora_exporter.sources.webhook.times import NotATime, moment

MOST_EVENTS = 100
_NAMED = ("environment", "team", "version", "commit_sha", "name", "severity")

Head = Mapping[str, Mapping[str, str]]
"""What is added to a body: the headers and the parameters of the URL, under names of their own."""


@dataclass
class Reading:
    """What a body says: ``kinds`` are the rules that matched it, ``problems`` the events that cannot be made."""

    is_test: bool = False
    kinds: list[str] = field(default_factory=list)
    reports: list[IncidentReport | DeploymentReport] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(mapping: Preset, body: object, head: Head, *, now_ms: int) -> Reading:
    """Applies the rules to a body that came with this head."""
    reading, evaluation, root = Reading(), Evaluation(), rooted(body, body, head)
    try:
        if mapping.test is not None and evaluation.is_true(mapping.test, root):
            reading.is_test = True
            return reading
        for kind, rules in (("incidents", mapping.incidents), ("deployments", mapping.deployments)):
            index, rule = _first_match(rules, evaluation, root)
            if rule is not None:
                reading.kinds.append(f"{kind}[{index}]")
                _apply(rule, evaluation, root, head, reading, now_ms=now_ms)
    except TooCostly as reason:
        reading.problems.append(str(reason))
    return reading


def rooted(item: object, body: object, head: Head) -> dict[str, Any]:
    """What expressions are asked of: the fields of the item, and what else may be of use under names of its own."""
    return {**(item if isinstance(item, dict) else {}), "_body": body, **head}


def _first_match(rules: Sequence[Rule], evaluation: Evaluation, root: object) -> tuple[int, Rule | None]:
    for index, rule in enumerate(rules):
        if rule.match is None or evaluation.is_true(rule.match, root):
            return index, rule
    return 0, None


def _apply(
    rule: Rule,
    evaluation: Evaluation,
    root: dict[str, Any],
    head: Head,
    reading: Reading,
    *,
    now_ms: int,
) -> None:
    for each in _items(rule, evaluation, root, head, reading):
        try:
            reading.reports.append(_report(rule, _Facts(rule, evaluation, each, now_ms=now_ms)))
        except NotUnderstood as reason:
            reading.problems.append(str(reason))


def _items(
    rule: Rule,
    evaluation: Evaluation,
    root: dict[str, Any],
    head: Head,
    reading: Reading,
) -> Iterator[dict[str, Any]]:
    if rule.each is None:
        yield root
        return
    items = evaluation.ask(rule.each, root)
    if not isinstance(items, list):
        reading.problems.append(f"each: the body has no list at {rule.each}")
        return
    for each in items[:MOST_EVENTS]:
        yield rooted(each, root["_body"], head)
    if len(items) > MOST_EVENTS:
        reading.problems.append(f"each: only {MOST_EVENTS} events of a body are taken, not {len(items)}")


class _Facts:
    """Reads the fields of one event, and notes of each that is nothing why."""

    def __init__(self, rule: Rule, evaluation: Evaluation, root: object, *, now_ms: int) -> None:
        self._rule = rule
        self._evaluation = evaluation
        self._root = root
        self._now_ms = now_ms
        self.reasons: dict[str, str] = {}

    def is_true(self, expression: Expression | None, *, default: bool) -> bool:
        return default if expression is None else self._evaluation.is_true(expression, self._root)

    def text(self, name: str) -> str | None:
        wanted = self._wanted(name)
        try:
            return wanted.text(self._evaluation, self._root) if wanted else None
        except Nothing as reason:
            self.reasons[name] = str(reason)
            return None

    def texts(self, name: str) -> tuple[str, ...]:
        wanted = self._wanted(name)
        try:
            return wanted.texts(self._evaluation, self._root) if wanted else ()
        except Nothing as reason:
            self.reasons[name] = str(reason)
            return ()

    def moment(self, name: str) -> int | None:
        """Raises ``NotUnderstood`` for a value that is no time."""
        wanted = self._wanted(name)
        if wanted is None:
            return None
        try:
            found = moment(wanted.value(self._evaluation, self._root), now_ms=self._now_ms)
        except Nothing as reason:
            self.reasons[name] = str(reason)
            return None
        except NotATime as reason:
            raise NotUnderstood(f"{name}: its value {reason}") from None
        if found is None:
            self.reasons[name] = "its value is a time before the year 2000"
        return found

    def _wanted(self, name: str) -> FieldSettings | None:
        found: FieldSettings | None = getattr(self._rule, name, None)
        return found


def _report(rule: Rule, facts: _Facts) -> IncidentReport | DeploymentReport:
    texts = {name: text for name in _NAMED if (text := facts.text(name)) is not None}
    common: dict[str, Any] = {
        "id": facts.text("id"),
        "started_ms": facts.moment("started_at"),
        "finished_ms": facts.moment("finished_at"),
        "changed_ms": facts.moment("changed_at"),
        "is_deleted": facts.is_true(rule.delete, default=False),
        "is_wanted": facts.is_true(rule.only, default=True),
        "service": facts.text("service"),
        "services": facts.texts("services"),
        "repository": _repository(facts.text("repository")),
        "texts": texts,
        "reasons": facts.reasons,
    }
    if isinstance(rule, IncidentRule):
        is_closed = common["finished_ms"] is not None or facts.is_true(rule.closed, default=False)
        return IncidentReport(**common, is_closed=is_closed, has_earliest_start=bool(rule.earliest_start))
    has_outcome = isinstance(rule, DeploymentRule) and rule.outcome is not None
    return DeploymentReport(**common, outcome=facts.text("outcome") if has_outcome else "succeeded")


def _repository(said: str | None) -> str | None:
    try:
        return None if said is None else repository_names.normalise(said)
    except ValueError as reason:
        raise NotUnderstood(f"repository: its value {reason}") from None
