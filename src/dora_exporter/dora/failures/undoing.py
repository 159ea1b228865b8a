"""What the commits of a series take back, and whether that took something back itself.

Taking back a revert brings back: a chain of reverts alternates. What a SHA names is surer than a request's number, and
that is surer than a quoted subject.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dora_exporter.dora.commit_messages import is_revert, key_of, number_of, quoted_by, taken_back
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.failures.commit_text import Mark, pull_requests_of, speaker_of
from dora_exporter.dora.failures.deployments import DeploymentsInOrder, mark_of_speaker, names_of_sha
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.repository_parts import parts_of

_DEEPEST = 50
"""So long a chain of reverts is followed; then the words decide."""


class Saying(NamedTuple):
    """A commit, a merge or a pull request, with what it says that it takes back: by name, or by a quoted subject."""

    mark: Mark
    subject: str
    named: tuple[str, ...] = ()

    @property
    def takes_back(self) -> bool:
        """Whether it says that it takes back anything."""
        return bool(self.named) or quoted_by(self.subject) is not None


class Undone(NamedTuple):
    """What is taken back: a deployment, and what of it; nothing where only the deployment's own SHA is named."""

    deployment: Deployment
    sayings: Sequence[Saying]


class Undoing:
    """Looks up what is taken back in one series, and adds the marks of what it looked for to ``asked``."""

    def __init__(self, in_order: DeploymentsInOrder, asked: set[Mark]) -> None:
        """It is of use until the deployments in order change."""
        self._in_order = in_order
        self._asked = asked
        self._sayings: dict[str, Mapping[Mark, Sequence[Saying]]] = {}
        self._undone: dict[tuple[str, Mark], list[Undone]] = {}
        self._reverts: dict[tuple[str, Mark], bool] = {}

    def speaks(self, saying: Saying, deployment: Deployment) -> bool:
        """Whether a deployment was the first in which that was said."""
        self._asked.add(mark_of_speaker(saying.mark))
        return self._in_order.speaks(deployment, saying.mark)

    def undone_by(self, saying: Saying, deployment: Deployment) -> list[Undone]:
        """What is taken back, as far as the series shipped it."""
        key = deployment.id, saying.mark
        if key not in self._undone:
            self._undone[key] = list(self._found(saying, deployment))
        return self._undone[key]

    def is_revert(self, undone: Undone, depth: int = 0) -> bool:
        """Whether what is taken back had taken back something itself."""
        telling = [each for each in undone.sayings if each.mark[0] != "merge" or each.takes_back]
        if telling:
            return any(self._is_revert(each, undone.deployment, depth) for each in telling)
        whole = [
            each
            for each in sayings_of(undone.deployment)
            if each.mark[0] == "sha" and self.speaks(each, undone.deployment)
        ]
        return bool(whole) and all(self._is_revert(each, undone.deployment, depth) for each in whole)

    def _is_revert(self, saying: Saying, deployment: Deployment, depth: int) -> bool:
        key = deployment.id, saying.mark
        if key not in self._reverts:
            self._reverts[key] = False  # should it take back itself by a detour
            undone = self.undone_by(saying, deployment) if saying.takes_back and depth < _DEEPEST else []
            self._reverts[key] = (
                any(not self.is_revert(each, depth + 1) for each in undone) if undone else _claims_to_revert(saying)
            )
        return self._reverts[key]

    def _found(self, saying: Saying, deployment: Deployment) -> Iterator[Undone]:
        shas = [name for name in saying.named if name.isalnum()]
        if shas:
            yield from _some(self._with_sha(sha) for sha in shas)
            return
        requests = list(_some(self._with_number(name[1:]) for name in saying.named if name.startswith("#")))
        yield from requests
        if not requests:
            quoted = (quoted_by(text) for text in (saying.subject, *saying.named))
            yield from _some(self._with_subject(text, deployment) for text in quoted if text is not None)

    def _with_sha(self, sha: str) -> Undone | None:
        self._asked.update(names_of_sha(sha))
        full = self._in_order.full_sha(sha)
        first = self._in_order.first_with_sha(full) if full else None
        if first is None or full is None:
            return None
        kinds = self._of(first)
        return Undone(first, [each for kind in ("sha", "via", "merge") for each in kinds.get((kind, full), ())])

    def _with_number(self, number: str) -> Undone | None:
        mark = "number", number
        self._asked.add(mark)
        first = next(iter(self._in_order.shipments.with_mark(mark)), None)
        return Undone(first, self._of(first).get(mark, ())) if first else None

    def _with_subject(self, subject: str, deployment: Deployment) -> Undone | None:
        """The latest that was so called when it was taken back: subjects come again."""
        number = number_of(subject)
        numbered = self._with_number(number) if number else None
        if numbered:
            return numbered
        mark = "subject", key_of(subject)
        self._asked.add(mark)
        for each in reversed(self._in_order.shipments.with_mark(mark)):
            if finish_order(each) <= finish_order(deployment):
                said = [saying for saying in self._of(each).get(mark, ()) if self.speaks(saying, each)]
                if said:
                    return Undone(each, said)
        return None

    def _of(self, deployment: Deployment) -> Mapping[Mark, Sequence[Saying]]:
        """What a deployment says, by all marks under which that is looked for."""
        if deployment.id not in self._sayings:
            marked: defaultdict[Mark, list[Saying]] = defaultdict(list)
            for saying, marks in _marked(deployment):
                for mark in marks:
                    marked[mark].append(saying)
            self._sayings[deployment.id] = marked
        return self._sayings[deployment.id]


def sayings_of(deployment: Deployment) -> Iterator[Saying]:
    """All that the commits, merges and pull requests of a deployment say."""
    for saying, _ in _marked(deployment):
        yield saying


def _marked(deployment: Deployment) -> Iterator[tuple[Saying, list[Mark]]]:
    """What a deployment says, with the marks under which that is looked for."""
    if deployment.commits is not None:
        parts = [Shipped("", "", deployment.commits, pull_requests=pull_requests_of(deployment))]
    else:
        parts = list(parts_of(deployment.shipped))
    for part in parts:
        yield from _marked_of(part)


def _marked_of(part: Shipped) -> Iterator[tuple[Saying, list[Mark]]]:
    told = set()
    for commit in part.commits:
        saying = Saying(("sha", commit.sha), commit.subject or "", taken_back(commit))
        marks = [saying.mark, *_words(saying.subject)]
        if commit.via:
            marks.append(("via", commit.via))
        if commit.pull_request is not None and commit.pull_request < len(part.pull_requests):
            number = part.pull_requests[commit.pull_request].number
            marks += [("number", str(number))] if number is not None else []
            told |= {commit.pull_request} if saying.takes_back else set()
        yield saying, list(dict.fromkeys(marks))
    for merge in part.merges:
        saying = Saying(("merge", merge.sha), merge.subject or "", taken_back(merge))
        yield saying, [saying.mark, *_words(saying.subject)]
    for place, request in enumerate(part.pull_requests):
        speaker = speaker_of(request)
        if speaker and request.title and place not in told:
            yield Saying(speaker, request.title), list(dict.fromkeys([speaker, *_words(request.title)]))


def _words(subject: str) -> Iterator[Mark]:
    if subject:
        yield "subject", key_of(subject)
        number = number_of(subject)
        if number:
            yield "number", number


def _claims_to_revert(saying: Saying) -> bool:
    """What the words alone say, where the series never shipped what is taken back."""
    quoting = [text for text in (saying.subject, *saying.named) if quoted_by(text) is not None]
    return any(map(is_revert, quoting)) if quoting else bool(saying.named)


def _some(found: Iterable[Undone | None]) -> Iterator[Undone]:
    return (each for each in found if each is not None)
