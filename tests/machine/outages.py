"""Which incidents count, how severe they are, and which of them are one, by the text of the documentation."""

from collections.abc import Iterable
from dataclasses import replace

from tests.machine.counting import has_come, is_open
from tests.machine.facts import Suffered, Terms


def outages(incidents: Iterable[Suffered], terms: Terms, now: int) -> list[Suffered]:
    """What counts as one incident: the first of those that are one, with the end of the last and the worst severity."""
    whole = [_as_one(each, terms) for each in chains(incidents, terms, now)]
    return [
        each for each in whole if is_open(each, now) or (each.finished_at or 0) - each.started_at >= terms.minimum_ms
    ]


def chains(incidents: Iterable[Suffered], terms: Terms, now: int) -> list[list[Suffered]]:
    """Those that have begun and count by their severities, each with those that continue it."""
    begun = [each for each in incidents if has_come(each, now) and refused(each, terms) is None]
    found: list[list[Suffered]] = []
    for each in sorted(begun, key=lambda one: (one.started_at, one.id)):
        continued = [chain for chain in found if _continues(each, chain[-1], terms, now)]
        if continued:
            max(continued, key=lambda chain: _end(chain[-1])).append(each)
        else:
            found.append([each])
    return found


def refused(each: Suffered, terms: Terms) -> int | None:
    """The severity of an incident, if it does not count by that."""
    number = _number(each.severity, terms)
    counted = {_number(one, terms) if isinstance(one, str) else one for one in terms.counted_severities}
    return None if number is None or number in counted else number


def why_not(incidents: Iterable[Suffered], terms: Terms, now: int) -> dict[str, str]:
    """What an explanation says of those that have begun and do not count: a part of each reason, by the id."""
    begun = [each for each in incidents if has_come(each, now)]
    reasons = {each.id: "incidents.minimum_duration" for each in begun}
    for each in begun:
        if refused(each, terms) is not None:
            reasons[each.id] = f"severity {refused(each, terms)} is not"
    for first, *others in chains(begun, terms, now):
        reasons |= {each.id: f"one with {first.id}, reopened" for each in others}
    return {id_: why for id_, why in reasons.items() if id_ not in {each.id for each in outages(begun, terms, now)}}


def _continues(each: Suffered, last: Suffered, terms: Terms, now: int) -> bool:
    if terms.reopened_within_ms is None or is_open(last, now):
        return False
    one, other = ((set(it.services), it.environment, it.team) for it in (each, last))
    return one == other and 0 <= each.started_at - (last.finished_at or 0) <= terms.reopened_within_ms


def _end(each: Suffered) -> tuple[int, int, str]:
    return each.finished_at or 0, each.started_at, each.id


def _as_one(chain: list[Suffered], terms: Terms) -> Suffered:
    level = None
    if terms.severities or terms.unknown_severity is not None:
        known = [number for number in (_number(each.severity, terms) for each in chain) if number is not None]
        level = str(min(known)) if known else "none"
    return replace(chain[0], finished_at=chain[-1].finished_at, level=level)


def _number(severity: str | None, terms: Terms) -> int | None:
    spelled = {spelling.lower(): number for spelling, number in terms.severities}
    return spelled.get((severity or "").lower(), terms.unknown_severity)
