"""What the deployments and incidents of one series amount to, by the text of the definitions and by brute force."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.machine.counting import is_open
from tests.machine.facts import MINUTE_MS, Deployed, Line, Rule, Suffered, Terms, World
from tests.machine.graph import Change, Request
from tests.machine.shipping import found_by, merges_of, reasons_of

CAUSES = ("verdict", "rollback", "revert", "rule", "incident")
SKEW_MS = 5 * MINUTE_MS
QUOTING = 'Revert "'


@dataclass(frozen=True)
class Link:
    """That a deployment remedied an earlier one, and how that is known."""

    failed: str
    remedy: str
    cause: str
    rule: str


@dataclass(frozen=True)
class Outcome:
    """All that follows about a deployment."""

    deployment: Deployed
    cause: str | None
    recovery: tuple[int, int] | None
    is_rework: bool
    samples: tuple[tuple[Change, int], ...]
    dropped: int


class Court:
    """One series at one moment."""

    def __init__(
        self,
        line: Line,
        deployments: Iterable[Deployed],
        incidents: Iterable[Suffered],
        *,
        world: World,
        terms: Terms,
        now: int,
    ) -> None:
        """Takes what counts and has come."""
        self.line = line
        self.terms = terms
        self.now = now
        self.incidents = list(incidents)
        self.ordered = sorted(deployments, key=lambda each: each.order)
        self.shipped = {each.id: _shipped(each, world) for each in self.ordered}
        self.merges = {
            each.id: [world.graph.changes[sha] for sha in sorted(merges_of(each, world))] for each in self.ordered
        }
        self.reasons = {each.id: reasons_of(each, world) for each in self.ordered if not each.reports}
        self.first = self._first_shippers()
        self.links = list(self._links())

    def outcomes(self) -> list[Outcome]:
        """What follows about each deployment."""
        return [self._outcome(each) for each in self.ordered]

    def attributed(self, incident: Suffered) -> Deployed | None:
        """The deployment that an incident is put down to."""
        before = [each for each in self.ordered if each.started_at <= incident.started_at]
        named = [each for each in before if _names(incident, each)]
        latest = max(named or before, key=lambda each: (each.started_at, each.finished_at, each.id), default=None)
        if latest is None or named:
            return latest
        limit = self.terms.attribution_limit_ms
        return None if limit is not None and incident.started_at - latest.started_at > limit else latest

    def incidents_of(self, deployment: Deployed) -> list[Suffered]:
        """The incidents that are put down to a deployment."""
        return [each for each in self.incidents if self.attributed(each) is deployment]

    def cause(self, deployment: Deployed) -> str | None:
        """Why a deployment failed; None when it did not."""
        if deployment.judged is not None:
            return "verdict" if deployment.judged.failed else None
        causes = {each.cause for each in self.links if each.failed == deployment.id}
        if self.incidents_of(deployment):
            causes.add("incident")
        return min(causes, key=CAUSES.index, default=None)

    def remedies(self, deployment: Deployed) -> list[Deployed]:
        """What remedied a deployment: what its verdict names, if that is there, else what the rules found."""
        later = [each for each in self.ordered if each.order > deployment.order]
        judged = deployment.judged
        if judged is not None and judged.failed and judged.names_a_remedy:
            named = [
                each
                for each in later
                if judged.remedy_id in (each.id, *each.reports)
                or (judged.remedy_id is None and each.version == judged.remedy_version)
            ]
            if named:
                return named[:1]
        ids = {each.remedy for each in self.links if each.failed == deployment.id}
        return [each for each in later if each.id in ids]

    def _outcome(self, deployment: Deployed) -> Outcome:
        cause = self.cause(deployment)
        lead_times = [
            (change, deployment.finished_at - change.authored_at)
            for change in self.shipped[deployment.id]
            if self.first[change.sha] is deployment and not self.is_excluded(change, deployment)
        ]
        return Outcome(
            deployment=deployment,
            cause=cause,
            recovery=self._recovery(deployment, cause) if cause else None,
            is_rework=self._is_rework(deployment),
            samples=tuple((change, max(0, value)) for change, value in lead_times if value >= -SKEW_MS),
            dropped=sum(value < -SKEW_MS for _, value in lead_times),
        )

    def is_excluded(self, change: Change, deployment: Deployed) -> bool:
        """Whether a commit gives no lead time for its author, whom only Git names."""
        return deployment.commits is None and any(name in change.author for name in self.terms.excluded_authors)

    def _recovery(self, failed: Deployed, cause: str) -> tuple[int, int] | None:
        """The moment of recovery and how long it took."""
        incidents = self.incidents_of(failed)
        begun = failed.finished_at
        if cause == "incident":
            begun = max(begun, min(each.started_at for each in incidents))
        moments = [each.finished_at for each in self.remedies(failed)]
        ends = [each.finished_at for each in incidents if not is_open(each, self.now)]
        if incidents and len(ends) == len(incidents):
            moments.append(max(end for end in ends if end is not None))
        if not moments:
            return None
        moment = max(begun, min(moments))
        return moment, moment - begun

    def _is_rework(self, deployment: Deployed) -> bool:
        for each in self.ordered:
            if self.cause(each) is not None and deployment in self.remedies(each):
                return True
        for incident in self.incidents:
            blamed = self.attributed(incident)
            if blamed is None:
                continue
            responses = [
                each for each in self.ordered if each.order > blamed.order and each.finished_at > incident.started_at
            ]
            if responses and responses[0] is deployment:
                return True
        return False

    def _first_shippers(self) -> dict[str, Deployed]:
        first: dict[str, Deployed] = {}
        for each in self.ordered:
            for change in self.shipped[each.id]:
                first.setdefault(change.sha, each)
        return first

    def _origin(self, sha: str) -> Deployed | None:
        """The first deployment that shipped a commit, or that was itself of that commit."""
        for each in self.ordered:
            shipped = (*self.shipped[each.id], *self.merges[each.id])
            if each.sha == sha or any(sha in (change.sha, change.via) for change in shipped):
                return each
        return None

    def _spoken(self, deployment: Deployed) -> list[Change]:
        """The commits that a deployment is the first to bring: a commit speaks once."""
        return [each for each in self.shipped[deployment.id] if self._origin(each.sha) is deployment]

    def _links(self) -> Iterator[Link]:
        for place, each in enumerate(self.ordered):
            if self.terms.rollback.holds_for(self.line):
                failed = self._rolled_back(place)
                if failed is not None:
                    yield Link(failed.id, each.id, "rollback", "rollback")
            if self.terms.revert.holds_for(self.line):
                for reverted in self._reverted(each):
                    yield Link(reverted.id, each.id, "revert", "revert")
            for rule in self.terms.rules:
                if rule.holds_for(self.line):
                    for fixed in self._fixed(rule, place):
                        yield Link(fixed.id, each.id, "rule", rule.name)

    def _target(self, place: int) -> int | None:
        """The latest earlier place at which a deployment had been deployed, if not just before."""
        places = [index for index in range(place) if _are_equal(self.ordered[index], self.ordered[place])]
        return places[-1] if places and places[-1] != place - 1 else None

    def _is_rollback(self, place: int) -> bool:
        """Whether a deployment goes back, and does not land again what was gone back from."""
        target = self._target(place)
        if target is None:
            return False
        return not any(
            self._is_rollback(between) and (self._target(between) or 0) < target for between in range(target + 1, place)
        )

    def _rolled_back(self, place: int) -> Deployed | None:
        target = self._target(place)
        return self.ordered[target + 1] if target is not None and self._is_rollback(place) else None

    def _reverted(self, deployment: Deployed) -> list[Deployed]:
        """The earlier deployments that brought first what this one takes back for good."""
        failed = {}
        for change in self._spoken(deployment):
            if self._holds(change, deployment):
                for shipper, brought in self._taken_back(change, deployment):
                    if shipper.order < deployment.order and not self._is_undoing(shipper, brought):
                        failed[shipper.id] = shipper
        return list(failed.values())

    def _holds(self, change: Change, deployment: Deployed) -> bool:
        """Whether nothing in the same deployment takes a revert back at once."""
        return not any(
            each is deployment and change in brought and self._holds(other, deployment)
            for other in self._spoken(deployment)
            for each, brought in self._taken_back(other, deployment)
        )

    def _taken_back(self, change: Change, deployment: Deployed) -> list[tuple[Deployed, list[Change]]]:
        """What a commit says that it takes back, as far as the series shipped it: where, and which commits there."""
        shas = [full for each in change.reverted_shas for full in self._known_as(each)]
        if change.reverted_shas:
            origins = [(sha, self._origin(sha)) for sha in shas]
            return [
                (origin, [each for each in self.shipped[origin.id] if sha in (each.sha, each.via)])
                for sha, origin in origins
                if origin is not None
            ]
        numbered = [found for number in change.reverted_numbers for found in self._with_number(int(number[1:]))]
        if numbered or not change.subject.startswith(QUOTING):
            return numbered
        quoted = change.subject.removeprefix(QUOTING)[:-1]
        title, number = _parted(quoted)
        return (self._with_number(number) if number is not None else []) or self._with_title(title, deployment)

    def _with_title(self, title: str, deployment: Deployed) -> list[tuple[Deployed, list[Change]]]:
        """The last until a deployment that brought something with a title first, and its commits there."""
        for each in reversed([each for each in self.ordered if each.order <= deployment.order]):
            said = [other for other in self._spoken(each) if other.subject == title]
            merged = [other for other in self.merges[each.id] if other.subject == title]
            if said or any(self._origin(other.sha) is each for other in merged):
                return [(each, said)]
        return []

    def _known_as(self, name: str) -> list[str]:
        """The only SHA that was deployed or shipped and begins so."""
        deployed = {each.sha or "" for each in self.ordered}
        shipped = {
            sha for each in self.ordered for one in self.shipped[each.id] for sha in (one.sha, one.via or one.sha)
        }
        merged = {change.sha for each in self.ordered for change in self.merges[each.id]}
        found = [each for each in deployed | shipped | merged if each.startswith(name)]
        return found if len(found) == 1 else []

    def _with_number(self, number: int) -> list[tuple[Deployed, list[Change]]]:
        """The first that shipped a pull request, and its commits there, but for a merge: that says nothing itself."""
        for each in self.ordered:
            meant = [change for change in self.shipped[each.id] if number in _numbers(change)]
            if meant or any(change.number == number for change in self.merges[each.id]):
                return [(each, meant)]
        return []

    def _is_undoing(self, deployment: Deployed, brought: Sequence[Change], asked: frozenset[str] = frozenset()) -> bool:
        """Whether what was brought took something back: its own revert lands that again."""
        if brought:
            return any(self._is_revert(each, deployment, asked) for each in brought)
        everything = self._spoken(deployment)
        return bool(everything) and all(self._is_revert(each, deployment, asked) for each in everything)

    def _is_revert(self, change: Change, deployment: Deployed, asked: frozenset[str]) -> bool:
        if change.sha in asked:
            return False  # it takes back itself by a detour
        taken = self._taken_back(change, deployment)
        if taken:
            return any(not self._is_undoing(*each, asked | {change.sha}) for each in taken)
        rest, depth = change.subject, 0
        while rest.startswith(QUOTING):
            rest, depth = rest.removeprefix(QUOTING), depth + 1
        return bool(change.takes_back) and depth % 2 == 1

    def _brings_nothing(self, deployment: Deployed, earlier: Deployed) -> bool:
        """Whether a deployment is of the same version or commits as an earlier one."""
        mine, theirs = ({each.sha for each in self.shipped[one.id]} for one in (deployment, earlier))
        return _are_equal(deployment, earlier) or (bool(mine) and mine == theirs)

    def _fixed(self, rule: Rule, place: int) -> list[Deployed]:
        """What a rule says that a deployment fixed; one that lands again after a rollback fixed nothing."""
        if self._target(place) is not None and not self._is_rollback(place):
            return []
        fix = self.ordered[place]
        said = [text for where in rule.where for text in self._texts(where, fix)]
        hits = [text[len(rule.word) :] for text in said if text.lower().startswith(rule.word)]
        if not rule.names_version:
            before = self.ordered[place - 1] if place else None
            return [before] if hits and before is not None and not self._brings_nothing(fix, before) else []
        found = {}
        for version in hits:
            earlier = [each for each in self.ordered[:place] if each.version == version]
            if earlier and not self._brings_nothing(fix, earlier[-1]):
                found[earlier[-1].id] = earlier[-1]
        return list(found.values())

    def _is_new(self, deployment: Deployed) -> bool:
        """Whether it is the first of its version."""
        return next(each for each in self.ordered if each.version == deployment.version) is deployment

    def _texts(self, where: str, deployment: Deployed) -> list[str]:
        spoken, requests = self._spoken(deployment), self._requests(deployment)
        return {
            "version": [deployment.version] if deployment.version and self._is_new(deployment) else [],
            "tag": list(deployment.tags),
            "subject": [each.subject for each in spoken],
            "title": [each.subject for each in spoken if each.number is not None] + [each.title for each in requests],
            "branch": [each.branch for each in requests],
            "label": [label for each in requests for label in each.labels],
        }[where]

    def _requests(self, deployment: Deployed) -> list[Request]:
        """The pull requests of which a deployment is the first to bring anything."""
        all_of_it = {each.request for each in self.shipped[deployment.id] if each.request is not None}
        return [each for each in all_of_it if self._with_number(each.number)[0][0] is deployment]


def _parted(line: str) -> tuple[str, int | None]:
    """The title in a first line, and the number of its pull request."""
    squashed = re.fullmatch(r"(.*) \(#(\d+)\)", line)
    if squashed:
        return squashed[1], int(squashed[2])
    merged = re.match(r"Merge pull request #(\d+) ", line)
    return line, int(merged[1]) if merged else None


def _numbers(change: Change) -> set[int]:
    """The pull requests that a commit is of: by its subject, and by what the forge says."""
    return {
        *([change.number] if change.number is not None else []),
        *([change.request.number] if change.request else []),
    }


def _names(incident: Suffered, deployment: Deployed) -> bool:
    same_version = incident.version is not None and incident.version == deployment.version
    same_sha = incident.sha is not None and incident.sha == deployment.sha
    return same_version or same_sha


def _are_equal(one: Deployed, other: Deployed) -> bool:
    if one.sha is not None and other.sha is not None:
        return one.sha == other.sha
    return one.version is not None and one.version == other.version


def _shipped(deployment: Deployed, world: World) -> list[Change]:
    """The commits that a deployment shipped: as its sender listed them, each once, else as Git says of its reports."""
    if deployment.commits is not None:
        return [replace(each, request=None) for each in deployment.commits]  # of these no forge is asked
    ids = (deployment.id, *deployment.reports)
    reports = sorted((each for id_, each in world.deployments.items() if id_ in ids), key=lambda each: each.order)
    told = [each for each in reports if each.commits is None and each.outcome is None]
    return list({change.sha: change for each in told for change in found_by(each, world)}.values())
