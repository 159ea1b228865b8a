"""Deployments by id: a dictionary, and a list with an index that a start only has to read."""

from collections.abc import Iterable, Iterator, MutableMapping, ValuesView
from itertools import chain
from typing import cast

from dora_exporter.events import Deployment
from dora_exporter.id_index import IdIndex


class HeldDeployments(MutableMapping[str, Deployment]):
    """All deployments. What ``restore`` brought stays in its list, also in a newer form; the others are beside it."""

    def __init__(self) -> None:
        """Empty."""
        self._listed: list[Deployment | None] = []
        self._gaps = 0
        self._index = IdIndex()
        self._others: dict[str, Deployment] = {}

    def restore(self, deployments: list[Deployment], index: IdIndex) -> None:
        """Fills it, when it is empty, with a list and its index; raises ValueError for one of another length.

        The list is from then on its own.
        """
        if len(index) != len(deployments):
            raise ValueError("the index of another list")
        self._listed, self._index = cast("list[Deployment | None]", deployments), index

    def clear(self) -> None:
        """Forgets all."""
        self._listed, self._gaps, self._index = [], 0, IdIndex()
        self._others.clear()

    def add(self, deployment: Deployment) -> bool:
        """Adds one unless its id is held; whether it did."""
        if self._place(deployment.id) is not None:
            return False
        held = len(self._others)
        self._others.setdefault(deployment.id, deployment)  # one look less than to ask first
        return len(self._others) > held

    def values(self) -> ValuesView[Deployment]:
        """All of them."""
        return _Values(self, self._listed, self._others.values())

    def __getitem__(self, deployment_id: str) -> Deployment:
        """The one with an id; raises KeyError."""
        place = self._place(deployment_id)
        listed = None if place is None else self._listed[place]
        return listed or self._others[deployment_id]

    def __setitem__(self, deployment_id: str, deployment: Deployment) -> None:
        """Adds one, or replaces the one with its id."""
        place = self._place(deployment_id)
        if place is None:
            self._others[deployment_id] = deployment
        else:
            self._listed[place] = deployment

    def __delitem__(self, deployment_id: str) -> None:
        """Forgets the one with an id; raises KeyError."""
        place = self._place(deployment_id)
        if place is None:
            del self._others[deployment_id]
        else:
            self._listed[place] = None
            self._gaps += 1

    def __iter__(self) -> Iterator[str]:
        """Their ids."""
        return (each.id for each in self.values())

    def __len__(self) -> int:
        """Their number."""
        return len(self._listed) - self._gaps + len(self._others)

    def __contains__(self, deployment_id: object) -> bool:
        """Whether the id of one is this."""
        return deployment_id in self._others or self._place(str(deployment_id)) is not None

    def _place(self, deployment_id: str) -> int | None:
        if not self._listed:
            return None
        for place in self._index.candidates(deployment_id):
            listed = self._listed[place]
            if listed is not None and listed.id == deployment_id:
                return place
        return None


class _Values(ValuesView[Deployment]):
    def __init__(self, held: HeldDeployments, *parts: Iterable[Deployment | None]) -> None:
        super().__init__(held)
        self._parts = parts

    def __iter__(self) -> Iterator[Deployment]:
        return filter(None, chain.from_iterable(self._parts))
