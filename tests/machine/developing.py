"""Random commits: what people write, merge, take back and upload."""

import random
from collections.abc import Callable
from dataclasses import replace

from tests.machine.acts import Act
from tests.machine.committing import Commit, Upload
from tests.machine.facts import DAY_MS, HOUR_MS, MINUTE_MS, World
from tests.machine.graph import Change, Request
from tests.machine.upstream_git import MIRRORED, REPOSITORIES, UPLOADED

SHAS = tuple(letter * 40 for letter in "abc")
"""Commits that nobody has."""


class Developer:
    """Makes commits up, and lists those that senders name."""

    def __init__(self, chance: random.Random, world: World, moment: Callable[[int], int]) -> None:
        """``moment`` makes a moment up."""
        self.chance = chance
        self.world = world
        self._moment = moment
        self._changes: list[Change] = []
        self.uploads = chance.random() < 0.5
        self._home = UPLOADED if self.uploads else chance.choice(MIRRORED)

    def commit(self, now: int) -> Act:
        """Some commits, perhaps of a pull request."""
        repository = self.chance.choice([*[self._home] * 5, *REPOSITORIES])
        made = len(self.world.graph.shas_of(repository))
        is_squash = self.chance.random() < 0.25
        count = 1 if is_squash else self.chance.randint(1, 4)
        parents = tuple(self._parents(place, made) for place in range(count))
        written = now - self.chance.choice([0, DAY_MS, 3 * DAY_MS])  # most are older than what is deployed then
        changes = tuple(self._new_change(written, "") if len(each) < 2 else self._merge(now) for each in parents)
        if is_squash:
            parents, changes = (parents[0][:1],), (self._squash(changes[0], now, written),)
        elif self.chance.random() < 0.5:
            request = self._request(now)
            changes = tuple(
                replace(each, request=request) if len(above) < 2 else each
                for each, above in zip(changes, parents, strict=True)
            )
        return Commit(changes, parents, repository)

    def upload(self, now: int) -> Act:
        """What is new, or only some of it, or what is older."""
        made = self.world.graph.shas_of(UPLOADED)
        if not made:
            return self.commit(now)
        missing = [sha for sha in made if sha not in self.world.graph.here]
        few = self.chance.sample(made, min(len(made), self.chance.randint(1, 3)))
        shas = self.chance.choice([missing, missing[-1:], missing[-1:], missing[::2], few]) or few
        return Upload(tuple(shas), with_folders=self.chance.random() < 0.8, is_last=self.chance.random() < 0.2)

    def _request(self, now: int) -> Request:
        """A pull request with words of its own, and moments to the second in any order that clocks may show."""
        number = self.chance.randrange(10_000, 10**6)
        ready, approved, merged = (
            (self._moment(now) + self.chance.choice([-HOUR_MS, -1000, 0])) // 1000 * 1000 for _ in range(3)
        )
        return Request(
            number,
            f"{self.chance.choice(['Request', 'Request', 'Hotfix: request'])} {number:x}",
            f"{self.chance.choice(['topic', 'topic', 'urgent'])}-{number}",
            self.chance.choice([(), ("big", "urgent"), ("big", "urgent")]),
            min(ready, merged),
            None if approved > merged else approved,
            merged,
        )

    def _squash(self, change: Change, now: int, written: int) -> Change:
        """The commits of a pull request as one, with the words of that."""
        request = self._request(now)
        branch = [self._new_change(written, f"{self.chance.getrandbits(160):040x}") for _ in range(2)]
        return replace(
            change,
            subject=request.title,
            takes_back=(),
            number=request.number,
            branch=None,
            request=request,
            squashed=tuple(replace(each, authored_at=each.authored_at // 1000 * 1000) for each in branch),
        )

    def _retitled(self, old: Change) -> list[str]:
        """How a forge quotes a pull request whose title was changed since: only its number says what is meant."""
        return [] if old.number is None else [f"Retitled {self.chance.getrandbits(48):x} (#{old.number})"] * 2

    def _merge(self, now: int) -> Change:
        """A merge of a branch, or of a pull request by the button for it."""
        topic = f"topic-{self.chance.getrandbits(48):x}"
        if self.chance.random() < 0.3:
            return Change("", self._moment(now), f"Merge branch '{topic}'")
        return Change("", self._moment(now), f"Bring {topic}", number=self.chance.randrange(1, 9999), branch=topic)

    def _parents(self, place: int, made: int) -> tuple[int, ...]:
        choices = [place - 1] if place else []
        choices += [-each for each in range(1, min(4, made + 1))]
        count = self.chance.choice([1, 1, 1, 2])
        return tuple(self.chance.sample(choices, min(count, len(choices))))

    def deployed(self) -> tuple[str, str] | None:
        """A commit and its repository: mostly one of the latest, and mostly one that is here."""
        graph = self.world.graph
        made = graph.shas_of(self._home)
        here = [sha for sha in made if sha in graph.here]
        among = self.chance.choice([made[-2:], here[-2:], here[-3:], made]) or [*graph.homes]
        if not among:
            return None
        sha = self.chance.choice(among)
        return sha, graph.homes[sha]

    def further(self, repository: str | None) -> tuple[tuple[str, str], ...]:
        """What a deployment of several repositories was made of beside its own."""
        if repository is None or self.chance.random() < 0.6:
            return ()
        others = [each for each in REPOSITORIES if each != repository and self.world.graph.shas_of(each)]
        return tuple((each, self.chance.choice(self.world.graph.shas_of(each))) for each in others)

    def listed(self, now: int) -> tuple[Change, ...]:
        """What a sender says that a deployment shipped."""
        new = [self._new_change(now, f"{self.chance.getrandbits(160):040x}") for _ in range(self.chance.randrange(3))]
        self._changes += new
        known = self._known()
        old = self.chance.sample(known, min(len(known), self.chance.randrange(3)))
        unique = {each.sha: each for each in (*new, *old)}
        return tuple(unique.values())

    def _known(self) -> list[Change]:
        """All commits but merges, which give no lead time."""
        graph = self.world.graph
        return [*self._changes, *(each for sha, each in graph.changes.items() if not graph.is_merge(sha))]

    def _new_change(self, now: int, sha: str) -> Change:
        """A commit with a subject of its own, which may take others back."""
        ahead = self.chance.choice([5 * MINUTE_MS + 1, 5 * MINUTE_MS, 1, 0, -1, -1001, -HOUR_MS, -3 * DAY_MS])
        name = self.chance.choice(["Change", "Change", "Hotfix: change", "Urgent change"])
        subject = f"{name} {self.chance.getrandbits(48):x}"
        number = self.chance.choice([None, self.chance.randrange(1, 9999)])
        takes_back: tuple[str, ...] = ()
        singles = self._known()
        if singles and self.chance.random() < 0.4:
            old = self.chance.choice(singles[-4:])
            title = [] if old.squashed else [old.subject]
            quoted = self.chance.choice([*title, old.first_line, *self._retitled(old)])
            subject = f'Revert "{quoted}"'
            takes_back = self.chance.choice([(old.sha,), (quoted,), (quoted,), (old.sha[:9],)])
            number_of_old = old.request.number if old.request is not None else old.number
            if number_of_old is not None and self.chance.random() < 0.3:
                takes_back = (f"#{number_of_old}",)
            if takes_back == (old.sha,) and self.chance.random() < 0.2:
                takes_back = (old.sha, self.chance.choice(singles).sha)
        merges = [sha for sha in self.world.graph.homes if self.world.graph.is_merge(sha)]
        if merges and self.chance.random() < 0.3:
            old = self.world.graph.changes[self.chance.choice(merges[-2:])]
            quoted = self.chance.choice([old.first_line, old.subject])
            subject = f'Revert "{quoted}"'
            takes_back = self.chance.choice([(old.sha,), (old.sha[:9],), (quoted,), (quoted,), (quoted,)])
            if old.number is not None and self.chance.random() < 0.3:
                takes_back = (f"#{old.number}",)
        if singles and not takes_back and self.chance.random() < 0.1:
            picked = self.chance.choice(singles[-4:])  # onto another branch, with its message
            subject, number, takes_back = picked.subject, picked.number, picked.takes_back
        author = self.chance.choice(
            ["Ann <ann@example.test>", "Ann <ann@example.test>", "tidy[bot] <bots@example.test>"]
        )
        return Change(
            sha,
            self._moment(now) + ahead,
            subject,
            tuple(dict.fromkeys(takes_back)),
            number,
            author,
            folder=self.chance.choice(["apps", "libs"]),
        )
