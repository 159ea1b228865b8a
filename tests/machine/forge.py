"""A GitHub for the machine's repositories: which pull requests brought which commits, when, and in which words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from tests.commits.fake_forge import FakeForge, stamp
from tests.machine.graph import Change, Request
from tests.machine.saying import message_of


@dataclass
class MachineForge(FakeForge):
    """``merged`` are the pull requests by the commits that they brought.

    ``squashed`` has the last of these, by their numbers, with what was squashed into it, if anything was.
    """

    page: int = 30
    remaining: int = 10**9
    merged: dict[str, Request] = field(default_factory=dict)
    squashed: dict[int, tuple[str, tuple[Change, ...]]] = field(default_factory=dict)

    def is_authorized(self, request: web.Request) -> bool:
        """A bearer token."""
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def found(self, path: str) -> object | None:
        """The four lists that are asked for."""
        by_number: Mapping[str, Request] = {str(each.number): each for each in self.merged.values()}
        match path.split("/")[4:]:
            case ["commits", sha, "pulls"]:
                return [self._shown(self.merged[sha])] if sha in self.merged else []
            case ["issues", number, "timeline"]:
                return [{"event": "ready_for_review", "created_at": stamp(by_number[number].ready_at)}]
            case ["pulls", number, "reviews"]:
                approved_at = by_number[number].approved_at
                return [{"state": "APPROVED", "submitted_at": stamp(approved_at)}] if approved_at else []
            case ["pulls", number, "commits"]:
                return [_listed(each) for each in self.squashed[int(number)][1]]
        return None

    def _shown(self, request: Request) -> dict[str, object]:
        return {
            "number": request.number,
            "title": request.title,
            "created_at": stamp(request.ready_at),
            "merged_at": stamp(request.merged_at),
            "merge_commit_sha": self.squashed[request.number][0],
            "base": {"ref": "main", "repo": {"default_branch": "main"}},
            "head": {"ref": request.branch},
            "labels": [{"name": each} for each in request.labels],
        }


def _listed(change: Change) -> dict[str, object]:
    name, _, address = change.author.rstrip(">").partition(" <")
    author = {"date": stamp(change.authored_at), "name": name, "email": address}
    return {"sha": change.sha, "commit": {"author": author, "message": message_of(change)}, "parents": []}
