"""Tells rollbacks from re-landings in one series.

A candidate deploys what was deployed before, but not just before; its target is the latest earlier deployment of the
same thing. It is a rollback, unless its target was rolled back since: then it is a re-landing. In V1 V2 V1 V2 the third
deployment rolls back to the first, past the second, and the fourth lands the second again.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.order import finish_order

_Order = tuple[int, int, str]


class _RolledBack(NamedTuple):
    """A rollback and its target: everything between them was rolled back. ``before`` is the one before."""

    target: _Order
    rollback: _Order
    before: "_RolledBack | None"


class _Candidate:
    """A candidate, and everything that is rolled back once it is deployed."""

    __slots__ = ("deployment", "is_rollback", "order", "rolled_back", "target")

    def __init__(self, deployment: Deployment, target: Deployment) -> None:
        self.deployment = deployment
        self.order: _Order = finish_order(deployment)
        self.target = target
        self.is_rollback: bool | None = None
        self.rolled_back: _RolledBack | None = None


class RollbackHistory:
    """The rollback candidates of one series. After a change, the later ones are decided again until nothing changes."""

    __slots__ = ("_by_id", "_changed", "_ordered")

    def __init__(self) -> None:
        """No candidate."""
        self._ordered: list[_Candidate] = []
        self._by_id: dict[str, _Candidate] = {}
        self._changed: tuple[_Order, _Order] | None = None

    def rolled_back_to(self, deployment: Deployment) -> Deployment | None:
        """The target of a rollback; None if the deployment is not one."""
        held = self._by_id.get(deployment.id)
        return held.target if held and held.is_rollback else None

    def is_relanding(self, deployment: Deployment) -> bool:
        """Whether a deployment lands again what was rolled back."""
        held = self._by_id.get(deployment.id)
        return held is not None and not held.is_rollback

    def forget(self, deployment: Deployment) -> None:
        """Removes a deployment that left the series."""
        held = self._by_id.pop(deployment.id, None)
        if held:
            del self._ordered[bisect_left(self._ordered, held.order, key=_order)]
            self._widen(held.order)

    def settle(
        self, touched: Iterable[Deployment], target_of: Callable[[Deployment], Deployment | None]
    ) -> Iterator[Deployment | None]:
        """Decides about changed deployments, step by step; yields those that became rollbacks or ceased to be.

        ``target_of`` finds the target of one; None if a deployment is not one.
        """
        for deployment in touched:
            self._update(deployment, target_of(deployment))
            yield None
        if self._changed:
            yield from self._sweep(*self._changed)

    def _update(self, deployment: Deployment, target: Deployment | None) -> None:
        held = self._by_id.get(deployment.id)
        if held and held.target is target and held.deployment is deployment:
            return
        self.forget(deployment)
        if target:
            new = self._by_id[deployment.id] = _Candidate(deployment, target)
            self._ordered.insert(bisect_left(self._ordered, new.order, key=_order), new)
            self._widen(new.order)

    def _widen(self, order: _Order) -> None:
        first, last = self._changed or (order, order)
        self._changed = min(first, order), max(last, order)

    def _sweep(self, first: _Order, last: _Order) -> Iterator[Deployment | None]:
        """Decides from the first change on, and stops after the last one where a decision stays as it was."""
        self._changed = None
        start = bisect_left(self._ordered, first, key=_order)
        rolled_back = self._ordered[start - 1].rolled_back if start else None
        for each in self._ordered[start:]:
            is_rollback = not _is_within(rolled_back, finish_order(each.target))
            if is_rollback:
                rolled_back = _and(rolled_back, each)
            # Past the last change, an equal state means equal decisions from here on: so a write costs what it affects.
            if is_rollback is each.is_rollback and rolled_back is each.rolled_back and each.order > last:
                break
            was_rollback = each.is_rollback
            each.is_rollback, each.rolled_back = is_rollback, rolled_back
            yield each.deployment if is_rollback is not was_rollback else None


def _order(each: _Candidate) -> _Order:
    return each.order


def _is_within(rolled_back: _RolledBack | None, order: _Order) -> bool:
    """Whether the deployment at that place in the order was rolled back."""
    # Further back both ends are earlier: only the first span that begins before the place can reach it.
    while rolled_back and order < rolled_back.target:
        rolled_back = rolled_back.before
    return rolled_back is not None and rolled_back.target < order < rolled_back.rollback


def _and(rolled_back: _RolledBack | None, rollback: _Candidate) -> _RolledBack:
    """What is rolled back after a rollback. An equal result is the same object as before, which ends a sweep."""
    target = finish_order(rollback.target)
    # This rollback goes further back than those, and comes after them: it covers all that they did.
    while rolled_back and rolled_back.target >= target:
        rolled_back = rolled_back.before
    held = rollback.rolled_back
    if held and (held.target, held.rollback) == (target, rollback.order) and held.before is rolled_back:
        return held
    return _RolledBack(target, rollback.order, rolled_back)
