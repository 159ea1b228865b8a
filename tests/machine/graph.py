"""Commits as the machine knows them: what each one says, its pull request, its parents, and where it is."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Request:
    """A pull request that was merged."""

    number: int
    title: str
    branch: str
    labels: tuple[str, ...]
    ready_at: int
    approved_at: int | None
    merged_at: int


@dataclass(frozen=True)
class Change:
    """A commit: when it was written, and what its message says.

    ``takes_back`` are SHAs, perhaps abbreviated, numbers of pull requests after a ``#``, or quoted subjects that the
    message says it reverts, and ``number`` is that of the pull request that it squashes. Where there is a ``branch`` it
    merges that pull request of it; then the subject is the title. Where it is ``squashed`` of others the forge tells of
    these, and they are shipped instead of it, ``via`` it.
    """

    sha: str
    authored_at: int
    subject: str = ""
    takes_back: tuple[str, ...] = ()
    number: int | None = None
    author: str = "Ann <ann@example.test>"
    folder: str = "apps"
    """Where the file is that it changes."""

    request: Request | None = None
    branch: str | None = None
    squashed: tuple["Change", ...] = ()
    via: str | None = None

    @property
    def meant(self) -> tuple["Change", ...]:
        """What is shipped with it."""
        return tuple(replace(each, request=self.request, via=self.sha) for each in self.squashed) or (self,)

    @property
    def first_line(self) -> str:
        """Of its message, as git and the forges write it."""
        if self.branch is not None:
            return f"Merge pull request #{self.number} from shop/{self.branch}"
        return self.subject if self.number is None else f"{self.subject} (#{self.number})"

    @property
    def reverted_shas(self) -> list[str]:
        """The SHAs among what it takes back."""
        return [each for each in self.takes_back if re.fullmatch("[0-9a-f]{7,40}", each)]

    @property
    def reverted_numbers(self) -> list[str]:
        """The pull requests among what it takes back."""
        return [each for each in self.takes_back if each.startswith("#")]


@dataclass(frozen=True)
class Shipment:
    """What Git says that a deployment shipped: its commits and its merges.

    ``elsewhere`` is how many further commits change nothing that is the service's, ``absent`` how many are not here, or
    their folders are not, so that nobody can say; ``beyond`` are more than a deployment can have.
    """

    commits: frozenset[str] = frozenset()
    merges: frozenset[str] = frozenset()
    elsewhere: int = 0
    absent: int = 0
    beyond: int = 0

    @property
    def left_out(self) -> dict[str, int]:
        """How many of its commits have no lead time, by cause."""
        return {"merge": len(self.merges), "path": self.elsewhere, "partial": self.absent, "cap": self.beyond}


NOTHING = Shipment()


@dataclass(frozen=True)
class Found:
    """What Git said of a deployment, when so many before it were gone already; ``since`` when it waits, if it does."""

    shipment: Shipment = NOTHING
    forgot: int = 0
    since: int | None = None


@dataclass
class Graph:
    """The commits of all repositories: what each one says, its parents and its repository.

    ``here`` are those that the daemon can have: it cannot look beyond one that is not. ``with_folders`` are those of
    which it can know what they changed, where their parents are among these, too. A deployment has ``most`` commits of
    a repository, the first that ``git log --topo-order`` lists.
    """

    changes: dict[str, Change] = field(default_factory=dict)
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    here: set[str] = field(default_factory=set)
    with_folders: set[str] = field(default_factory=set)
    most: int = 5000

    def add(self, change: Change, parents: tuple[str, ...], repository: str) -> None:
        """A commit was made."""
        self.changes[change.sha] = change
        self.homes[change.sha] = repository
        self.parents[change.sha] = parents

    def shas_of(self, repository: str) -> list[str]:
        """The commits of a repository in the order in which they were made."""
        return [sha for sha, home in self.homes.items() if home == repository]

    def knows(self, sha: str | None, repository: str | None) -> bool:
        """Whether a commit of a repository is here."""
        return sha in self.here and self.homes[sha] == repository

    def come(self, shas: Iterable[str], *, with_folders: bool = True) -> None:
        """Commits came."""
        self.here.update(shas)
        self.with_folders.update(shas if with_folders else ())

    def shipment(self, head: str, bases: Iterable[str], folder: str | None) -> Shipment:
        """What a commit reaches and others do not; only what is changed in the folder of the service is its own."""
        new = self._reached([head]) - self._reached(bases)
        singles, merges = ({each for each in new & self.here if self.is_merge(each) == is_merge} for is_merge in (0, 1))
        unclear = {each for each in singles if not self.with_folders.issuperset((each, *self.parents[each]))}
        unclear = set() if folder is None else unclear
        own = {each for each in singles - unclear if folder in (None, self.changes[each].folder)}
        elsewhere, absent = len(singles - unclear - own), len(new - self.here) + len(unclear)
        listed = [sha for sha in self._listed(head, new & self.here) if sha in own]
        kept = frozenset(listed[: self.most])
        return Shipment(kept, frozenset(merges), elsewhere, absent, len(listed) - len(kept))

    def is_merge(self, sha: str) -> bool:
        """Whether a commit has several parents: it gives no lead time and says nothing, but can be reverted."""
        return len(self.parents[sha]) > 1

    def _listed(self, head: str, shas: set[str]) -> list[str]:
        """What a commit reaches of some, each after all that descend from it, one line of history at a time."""
        above = Counter(parent for sha in shas for parent in self.parents[sha])
        found: list[str] = []
        waiting = [head] if head in shas else []
        while waiting:
            found.append(waiting.pop())
            for parent in self.parents[found[-1]]:
                above[parent] -= 1
                if not above[parent] and parent in shas:
                    waiting.append(parent)
        return found

    def _reached(self, shas: Iterable[str]) -> set[str]:
        """Commits and all that they descend from, as far as can be seen."""
        found: set[str] = set()
        waiting = [*shas]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting.extend(self.parents[each] if each in self.here else ())
        return found
