"""Which deployments roll back to what was deployed before, and which only land again what was rolled back.

A return is a deployment of what was deployed before, but not just before; its target is the latest earlier deployment
of the same. It is a rollback, unless its target was undone in between by a rollback to something earlier: then it
lands again. Of V1 V2 V1 V2 the third rolls back to the first, which undoes the second, and the fourth lands it again.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.order import finish_order

_Order = tuple[int, int, str]


class _Undone(NamedTuple):
    """All between a rollback and its target was undone; what an earlier rollback undid is in ``before``."""

    target: _Order
    rollback: _Order
    before: "_Undone | None"


class _Return:
    """A return, and all that is undone once it is deployed."""

    __slots__ = ("deployment", "is_rollback", "order", "target", "undone")

    def __init__(self, deployment: Deployment, target: Deployment) -> None:
        self.deployment = deployment
        self.order: _Order = finish_order(deployment)
        self.target = target
        self.is_rollback: bool | None = None
        self.undone: _Undone | None = None


class Returns:
    """The returns of one series. What changed is looked at again, and what came after it as far as that matters."""

    __slots__ = ("_by_id", "_changed", "_ordered", "_target_of")

    def __init__(self, target_of: Callable[[Deployment], Deployment | None]) -> None:
        """No return; ``target_of`` gives the target of one, None for what is none."""
        self._target_of = target_of
        self._ordered: list[_Return] = []
        self._by_id: dict[str, _Return] = {}
        self._changed: tuple[_Order, _Order] | None = None

    def rolled_back_to(self, deployment: Deployment) -> Deployment | None:
        """The target of a rollback; None for what is none."""
        held = self._by_id.get(deployment.id)
        return held.target if held and held.is_rollback else None

    def lands_again(self, deployment: Deployment) -> bool:
        """Whether a deployment brings back what was rolled back."""
        held = self._by_id.get(deployment.id)
        return held is not None and not held.is_rollback

    def forget(self, deployment: Deployment) -> None:
        """A deployment is none of the series any more."""
        held = self._by_id.pop(deployment.id, None)
        if held:
            del self._ordered[bisect_left(self._ordered, held.order, key=_order)]
            self._widen(held.order)

    def settle(self, touched: Iterable[Deployment]) -> Iterator[Deployment | None]:
        """Looks at deployments again, a step at a time; gives the returns that became rollbacks, or ceased to be."""
        for deployment in touched:
            self._look_at(deployment)
            yield None
        if self._changed:
            yield from self._sweep(*self._changed)

    def _look_at(self, deployment: Deployment) -> None:
        target = self._target_of(deployment)
        held = self._by_id.get(deployment.id)
        if held and held.target is target and held.deployment is deployment:
            return
        self.forget(deployment)
        if target:
            new = self._by_id[deployment.id] = _Return(deployment, target)
            self._ordered.insert(bisect_left(self._ordered, new.order, key=_order), new)
            self._widen(new.order)

    def _widen(self, order: _Order) -> None:
        first, last = self._changed or (order, order)
        self._changed = min(first, order), max(last, order)

    def _sweep(self, first: _Order, last: _Order) -> Iterator[Deployment | None]:
        """Decides all from the first change on; it ends where nothing is otherwise than before."""
        self._changed = None
        start = bisect_left(self._ordered, first, key=_order)
        undone = self._ordered[start - 1].undone if start else None
        for each in self._ordered[start:]:
            is_rollback = not _is_within(undone, finish_order(each.target))
            if is_rollback:
                undone = _and(undone, each)
            if is_rollback is each.is_rollback and undone is each.undone and each.order > last:
                break
            was_rollback = each.is_rollback
            each.is_rollback, each.undone = is_rollback, undone
            yield each.deployment if is_rollback is not was_rollback else None


def _order(each: _Return) -> _Order:
    return each.order


def _is_within(undone: _Undone | None, order: _Order) -> bool:
    """Whether the deployment at that place was undone."""
    while undone and order < undone.target:
        undone = undone.before
    return undone is not None and undone.target < order < undone.rollback


def _and(undone: _Undone | None, rollback: _Return) -> _Undone:
    """What is undone after a rollback: the very object that said so before, if nothing is otherwise."""
    target = finish_order(rollback.target)
    while undone and undone.target >= target:
        undone = undone.before
    held = rollback.undone
    if held and (held.target, held.rollback) == (target, rollback.order) and held.before is undone:
        return held
    return _Undone(target, rollback.order, undone)
