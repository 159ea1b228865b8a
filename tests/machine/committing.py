"""Commits are made, and come to the daemon: by mirrors, or in the packs that pipelines upload."""

import json
from dataclasses import dataclass, replace
from io import BytesIO

from aiohttp import FormData
from tests.commits.histories import Made
from tests.machine import saying
from tests.machine.acts import Crash
from tests.machine.facts import MINUTE_MS, SECOND_MS, World
from tests.machine.graph import Change
from tests.machine.site import Site
from tests.machine.upstream_git import UPLOADED


@dataclass(frozen=True)
class Commit:
    """Commits come into a repository, and a while later into its mirror. Parents count back from the last."""

    changes: tuple[Change, ...]
    parents: tuple[tuple[int, ...], ...]
    repository: str

    async def do(self, site: Site, world: World) -> None:
        """The world learns their SHAs from git."""
        known = world.graph.shas_of(self.repository)
        made: list[Made] = []
        seconds: list[int] = []
        for place, change in enumerate(self.changes):
            seconds.append(change.authored_at // SECOND_MS)
            files = {f"{change.folder}/{len(known) + place}": "x"}
            made.append(
                Made(
                    self.parents[place], seconds[place], seconds[place], files, saying.message_of(change), change.author
                )
            )
        shas = site.git.commit(self.repository, made)
        for place, sha in enumerate(shas):
            change = replace(self.changes[place], sha=sha, authored_at=seconds[place] * SECOND_MS)
            if change.request is not None:
                site.forge.merged[sha] = change.request
                site.forge.squashed[change.request.number] = (sha, change.squashed)
            above = tuple(shas[each] if each >= 0 else known[each] for each in self.parents[place])
            world.graph.add(change, above, self.repository)
        if self.repository != UPLOADED:
            world.graph.come(shas)
        site.pass_time(6 * MINUTE_MS)


@dataclass(frozen=True)
class Upload:
    """A pipeline uploads some commits, perhaps without those that they descend from.

    ``is_last``: the daemon is killed before anything follows from them.
    """

    shas: tuple[str, ...]
    with_folders: bool = True
    is_last: bool = False

    async def do(self, site: Site, world: World) -> None:
        """What is here already is known to be, and changes nothing."""
        graph, meta = world.graph, {"repository_url": f"https://{UPLOADED}"}
        commits = [{"id": sha, "type": "commit"} for sha in graph.shas_of(UPLOADED)]
        asked = {"meta": meta, "data": commits}
        reply = await site.ask("POST", "/api/v2/git/repository/search_commits", asked)
        here = graph.with_folders if site.terms.folders else graph.here
        assert {each["id"] for each in reply.body["data"]} == {sha for sha in here if graph.knows(sha, UPLOADED)}
        form = FormData()
        form.add_field("pushedSha", json.dumps({"data": {"id": self.shas[-1], "type": "commit"}, "meta": meta}))
        form.add_field(
            "packfile",
            BytesIO(site.git.pack(UPLOADED, self.shas, with_folders=self.with_folders)),
            filename="commits.pack",
        )
        await site.post("/api/v2/git/repository/packfile", form)
        graph.come(self.shas, with_folders=self.with_folders)
        if self.is_last:
            await Crash().do(site, world)
