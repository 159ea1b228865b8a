"""``datadog-ci deployment correlate-image`` and ``correlate``: which commit an image or a configuration stands for."""

from collections.abc import Iterable
from typing import Annotated

from aiohttp import web
from msgspec import Struct, field
from msgspec.json import Decoder

from dora_exporter.dora.correlations import Key, configuration_key, image_keys, records
from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Checkout
from dora_exporter.dora.images import LONGEST, image
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.attribute_types import Sha, Url, described
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.empty_answer import EmptyAnswer
from dora_exporter.web.server.errors import BadAttribute, as_json
from dora_exporter.web.server.limits import CurrentRules

MOST_COMMITS = 100


class CorrelatedImage(Struct, frozen=True):
    """An image, and the commit that it was built from."""

    image: Annotated[str, described("With tag or digest, as it is deployed.", minLength=1, maxLength=LONGEST)]
    commit_sha: Sha
    repository_url: Url


class _Image(Struct, frozen=True):
    attributes: CorrelatedImage


class CorrelateImageRequest(Struct, frozen=True):
    """What ``datadog-ci deployment correlate-image`` sends."""

    data: _Image


class SourceCommit(Struct, frozen=True):
    """The commit of the source, as the command line finds it in the variables of a CI server."""

    repository_url: Annotated[Url, described("In any form that Git takes.")] = field(name="git.repository_url")
    commit_sha: Annotated[Sha, described("The commit.")] = field(name="git.commit.sha")


class CorrelatedCommits(Struct, frozen=True):
    """Commits of a configuration, and the one of the source that they deploy."""

    config_repo_url: Url
    config_commit_shas: Annotated[list[Sha], described("The newest ones.", minItems=1, maxItems=MOST_COMMITS)]
    ci_env: SourceCommit


class _Commits(Struct, frozen=True):
    attributes: CorrelatedCommits


class CorrelateRequest(Struct, frozen=True):
    """What ``datadog-ci deployment correlate`` sends."""

    data: _Commits


IMAGE = Operation(
    method="POST",
    path="/api/v2/ci/deployments/correlate-image",
    summary="Store which commit an image was built from",
    right=Right.WRITE,
    request=CorrelateImageRequest,
    answer=EmptyAnswer,
    refusals=(400, 503),
)
COMMITS = Operation(
    method="POST",
    path="/api/v2/ci/deployments/correlate",
    summary="Store which commit of the source the commits of a configuration deploy",
    right=Right.WRITE,
    request=CorrelateRequest,
    answer=EmptyAnswer,
    refusals=(400, 503),
)
OPERATIONS = (IMAGE, COMMITS)


def routes(
    *, store: EventStore, log: EventLog, clock: Clock, rules: CurrentRules, access: Access
) -> list[web.RouteDef]:
    """The routes of correlations, which are stored before they are answered."""
    images, commits = Parser(Decoder(CorrelateImageRequest)), Parser(Decoder(CorrelateRequest))

    async def correlate_image(request: web.Request) -> web.Response:
        given = images.parse(await request_body.read_within(request, rules.now))
        return await keep(*_of_image(given.data.attributes))

    async def correlate(request: web.Request) -> web.Response:
        given = commits.parse(await request_body.read_within(request, rules.now))
        return await keep(*_of_configuration(given.data.attributes))

    async def keep(keys: Iterable[Key], source: Checkout) -> web.Response:
        await log.append(records(keys, source, store.cursors, now_ms=clock()))
        return as_json(EmptyAnswer())

    return [
        web.post(IMAGE.path, access.writes(correlate_image)),
        web.post(COMMITS.path, access.writes(correlate)),
    ]


def _of_image(given: CorrelatedImage) -> tuple[Iterable[Key], Checkout]:
    """What an image is found by, and the commit that it was built from."""
    found = image(given.image)
    if found is None:
        raise BadAttribute("image", "is not the name of an image")
    repository = fields.repository(given.repository_url, "repository_url")
    return image_keys(found), Checkout(repository, fields.sha(given.commit_sha, "commit_sha"))


def _of_configuration(given: CorrelatedCommits) -> tuple[Iterable[Key], Checkout]:
    """What commits of a configuration are found by, and the commit of the source that they deploy."""
    fields.repository(given.config_repo_url, "config_repo_url")  # checked only: a SHA says enough without it
    shas = given.config_commit_shas
    if not 0 < len(shas) <= MOST_COMMITS:
        raise BadAttribute("config_commit_shas", f"must have 1 to {MOST_COMMITS} commits")
    keys = [configuration_key(fields.sha(each, "config_commit_shas")) for each in shas]
    repository = fields.repository(given.ci_env.repository_url, "ci_env.git.repository_url")
    return keys, Checkout(repository, fields.sha(given.ci_env.commit_sha, "ci_env.git.commit.sha"))
