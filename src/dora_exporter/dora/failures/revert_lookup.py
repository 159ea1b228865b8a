"""Looks up what the commits of a series revert, and whether that was a revert itself.

The revert of a revert lands the change again, so a chain of reverts alternates. A SHA is a better reference than the
number of a pull request, and that is a better one than a quoted subject.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dora_exporter.dora.commit_messages import is_revert, key_of, named_reverts, number_of, quoted_by
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.failures.commit_text import LookupKey, commits_of, merges_of, origin_of
from dora_exporter.dora.failures.deployments import DeploymentsInOrder, is_abbreviated, key_of_origin, keys_of_sha
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.repository_parts import parts_of
from dora_exporter.dora.sorted_in_steps import Steps

_DEEPEST = 50
"""The longest chain of reverts that is followed. Beyond it the wording alone decides."""


class CommitText(NamedTuple):
    """The text of a commit, a merge or a pull request: its subject, and what it names as reverted."""

    key: LookupKey
    subject: str
    named: tuple[str, ...] = ()

    @property
    def is_reverting(self) -> bool:
        """Whether the text is that of a revert."""
        return bool(self.named) or quoted_by(self.subject) is not None


class Reverted(NamedTuple):
    """A reverted deployment, with the texts of what was reverted; none if only the SHA that it deployed is named."""

    deployment: Deployment
    texts: Sequence[CommitText]


def naming_abbreviation(deployment: Deployment) -> Steps[bool]:
    """Whether a commit of a deployment names what it reverts by an abbreviated SHA."""
    for each in (*commits_of(deployment), *merges_of(deployment)):
        if each.reverts:
            if any(map(is_abbreviated, _shas_among(named_reverts(each)))):
                return True
            yield
    return False


def _shas_among(named: Iterable[str]) -> list[str]:
    return [name for name in named if name.isalnum()]


class RevertLookup:
    """Looks up reverted things in one series, and adds the keys that it used to ``looked_up``.

    It works in steps, as thousands of commits may revert thousands.
    """

    def __init__(self, in_order: DeploymentsInOrder, looked_up: set[LookupKey]) -> None:
        """Valid until the deployments in order change."""
        self._in_order = in_order
        self._looked_up = looked_up
        self._texts: dict[str, Mapping[LookupKey, Sequence[CommitText]]] = {}
        self._reverted: dict[tuple[str, LookupKey], list[Reverted]] = {}
        self._shared: dict[tuple[str, LookupKey], Reverted] = {}
        self._decided: dict[int, bool] = {}
        self._reverts: dict[tuple[str, LookupKey], bool] = {}

    def is_first_with(self, commit_text: CommitText, deployment: Deployment) -> bool:
        """Whether a deployment was the first to ship the commit or pull request of a text."""
        self._looked_up.add(key_of_origin(commit_text.key))
        return self._in_order.is_first_with(deployment, commit_text.key)

    def reverted_by(self, commit_text: CommitText, deployment: Deployment) -> Steps[list[Reverted]]:
        """The deployments that a text reverts, as far as the series shipped them."""
        key = deployment.id, commit_text.key
        if key not in self._reverted:
            self._reverted[key] = yield from self._find(commit_text, deployment)
            yield
        return self._reverted[key]

    def is_revert(self, reverted: Reverted) -> Steps[bool]:
        """Whether what was reverted had been a revert itself."""
        # Thousands of commits may revert the same thousands by one subject, so that is decided once.
        if id(reverted) not in self._decided:
            self._decided[id(reverted)] = yield from self._was_revert(reverted, 0)
        return self._decided[id(reverted)]

    def _was_revert(self, reverted: Reverted, depth: int) -> Steps[bool]:
        deployment = reverted.deployment
        telling = [each for each in reverted.texts if each.key[0] != "merge" or each.is_reverting]
        for each in telling:
            if (yield from self._is_revert(each, deployment, depth)):
                return True
        if telling:
            return False
        # Only the deployed SHA was named, or a merge that says nothing itself: all that came with it has to be reverts.
        is_any_told = False
        for each in commit_texts_of(deployment):
            if each.key[0] == "sha" and self.is_first_with(each, deployment):
                is_any_told = True
                if not (yield from self._is_revert(each, deployment, depth)):
                    return False
            yield
        return is_any_told

    def _is_revert(self, commit_text: CommitText, deployment: Deployment, depth: int) -> Steps[bool]:
        key = deployment.id, commit_text.key
        if key not in self._reverts:
            self._reverts[key] = False  # the answer for a commit that reverts itself by way of others
            is_followed = commit_text.is_reverting and depth < _DEEPEST
            reverted = (yield from self.reverted_by(commit_text, deployment)) if is_followed else []
            self._reverts[key] = not reverted and _claims_to_revert(commit_text)
            for each in reverted:
                if not (yield from self._was_revert(each, depth + 1)):
                    self._reverts[key] = True
                    break
            yield
        return self._reverts[key]

    def _find(self, commit_text: CommitText, deployment: Deployment) -> Steps[list[Reverted]]:
        shas = _shas_among(commit_text.named)
        if shas:
            return (yield from _found(self._with_sha(sha) for sha in shas))
        numbers = [name[1:] for name in commit_text.named if name.startswith("#")]
        requests = yield from _found(self._with_number(number) for number in numbers)
        if requests:
            return requests
        quoted = (quoted_by(text) for text in (commit_text.subject, *commit_text.named))
        return (yield from _found(self._with_subject(text, deployment) for text in quoted if text is not None))

    def _with_sha(self, sha: str) -> Steps[Reverted | None]:
        self._looked_up.update(keys_of_sha(sha))
        full = self._in_order.full_sha(sha)
        first = self._in_order.first_with_sha(full) if full else None
        if first is None or full is None:
            return None
        return (yield from self._share(first, ("sha", full), ("via", full), ("merge", full)))

    def _with_number(self, number: str) -> Steps[Reverted | None]:
        key = "number", number
        self._looked_up.add(key)
        first = next(iter(self._in_order.shipments.with_key(key)), None)
        return (yield from self._share(first, key)) if first else None

    def _with_subject(self, subject: str, deployment: Deployment) -> Steps[Reverted | None]:
        """The latest deployment with that subject before the revert, because subjects recur."""
        number = number_of(subject)
        numbered = (yield from self._with_number(number)) if number else None
        if numbered:
            return numbered
        key = "subject", key_of(subject)
        self._looked_up.add(key)
        shipped = self._in_order.shipments.with_key(key)
        # Its own subjects, too: a deployment may ship a commit together with its revert.
        for index in range(bisect_right(shipped, finish_order(deployment), key=finish_order) - 1, -1, -1):
            reverted = yield from self._share(shipped[index], key)
            if reverted.texts:
                return reverted
            yield
        return None

    def _share(self, deployment: Deployment, *keys: LookupKey) -> Steps[Reverted]:
        """What a deployment shipped with some keys, found once: each commit of another may name it.

        Of a subject that is what the series shipped first with that deployment.
        """
        held = self._shared.get((deployment.id, keys[0]))
        if held is None:
            texts: list[CommitText] = []
            by_key = yield from self._of(deployment)
            for key in keys:
                for each in by_key.get(key, ()):
                    if key[0] != "subject" or self.is_first_with(each, deployment):
                        texts.append(each)
                    yield
            held = self._shared[deployment.id, keys[0]] = Reverted(deployment, texts)
        return held

    def _of(self, deployment: Deployment) -> Steps[Mapping[LookupKey, Sequence[CommitText]]]:
        """The texts of a deployment, by every key under which they are looked up."""
        if deployment.id not in self._texts:
            keyed: defaultdict[LookupKey, list[CommitText]] = defaultdict(list)
            for commit_text, keys in _keyed(deployment):
                for key in keys:
                    keyed[key].append(commit_text)
                yield
            self._texts[deployment.id] = keyed
        return self._texts[deployment.id]


def _found(searches: Iterable[Steps[Reverted | None]]) -> Steps[list[Reverted]]:
    found = []
    for search in searches:
        reverted = yield from search
        if reverted is not None:
            found.append(reverted)
    return found


def commit_texts_of(deployment: Deployment) -> Iterator[CommitText]:
    """The texts of all commits, merges and pull requests of a deployment."""
    for commit_text, _ in _keyed(deployment):
        yield commit_text


def _keyed(deployment: Deployment) -> Iterator[tuple[CommitText, list[LookupKey]]]:
    """The texts of a deployment, with the keys under which they are looked up."""
    if deployment.commits is not None:
        parts = [Shipped("", "", deployment.commits)]
    else:
        parts = list(parts_of(deployment.shipped))
    for part in parts:
        yield from _keyed_of(part)


def _keyed_of(part: Shipped) -> Iterator[tuple[CommitText, list[LookupKey]]]:
    told = set()
    for commit in part.commits:
        commit_text = CommitText(("sha", commit.sha), commit.subject or "", named_reverts(commit))
        keys = [commit_text.key, *_words(commit_text.subject)]
        if commit.via:
            keys.append(("via", commit.via))
        if commit.pull_request is not None and commit.pull_request < len(part.pull_requests):
            number = part.pull_requests[commit.pull_request].number
            keys += [("number", str(number))] if number is not None else []
            told |= {commit.pull_request} if commit_text.is_reverting else set()
        yield commit_text, list(dict.fromkeys(keys))
    for merge in part.merges:
        commit_text = CommitText(("merge", merge.sha), merge.subject or "", named_reverts(merge))
        yield commit_text, [commit_text.key, *_words(commit_text.subject)]
    for place, request in enumerate(part.pull_requests):
        origin = origin_of(request)
        if origin and request.title and place not in told:
            yield CommitText(origin, request.title), list(dict.fromkeys([origin, *_words(request.title)]))


def _words(subject: str) -> Iterator[LookupKey]:
    if subject:
        yield "subject", key_of(subject)
        number = number_of(subject)
        if number:
            yield "number", number


def _claims_to_revert(commit_text: CommitText) -> bool:
    """Whether the wording is that of a revert; it decides if the series never shipped what is reverted."""
    quoting = [text for text in (commit_text.subject, *commit_text.named) if quoted_by(text) is not None]
    return any(map(is_revert, quoting)) if quoting else bool(commit_text.named)
