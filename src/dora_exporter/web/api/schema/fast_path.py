"""The short way of what most senders write: deployments in plain ASCII, taken many at once.

What goes this way becomes the event that ``intake.py`` makes of it. Whatever needs a closer look, and everything that
is wrong, gets None here and goes the long way, which has the words for it.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Struct
from msgspec.json import Decoder
from msgspec.structs import replace

from dora_exporter.dora import derived_ids
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.reserved import RESERVED
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.events import Intake
from dora_exporter.web.api.schema.requests import BulkFailure
from dora_exporter.web.server.errors import BadRequest
from dora_exporter.web.server.limits import CurrentRules

_Name = Annotated[str, Meta(max_length=fields.LABEL_LENGTH)]
_Tags = Annotated[list[Annotated[str, Meta(max_length=fields.TEXT_LENGTH)]], Meta(max_length=fields.MAX_TAGS)]


class _Git(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    commit_sha: Annotated[str, Meta(min_length=40, max_length=128)]
    repository_url: str


class _Given(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    service: Annotated[str, Meta(min_length=1, max_length=fields.LABEL_LENGTH)]
    started_at: int
    finished_at: int
    env: _Name | None = None
    environment: _Name | None = None
    version: Annotated[str, Meta(max_length=fields.TEXT_LENGTH)] | None = None
    team: _Name | None = None
    id: Annotated[str, Meta(min_length=16, max_length=128)] | None = None
    git: _Git | None = None
    custom_tags: _Tags | None = None
    commits: None = None


class _Data(Struct, frozen=True, gc=False):
    attributes: _Given


class _Request(Struct, frozen=True, gc=False):
    data: _Data


class _DeploymentLine(Struct, frozen=True, gc=False, tag="deployment", tag_field="type"):
    attributes: _Given


class _GivenFailure(BulkFailure, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """One without attributes that nobody knows."""


class _FailureLine(Struct, frozen=True, gc=False, tag="failure", tag_field="type"):
    attributes: _GivenFailure


_T = TypeVar("_T")
_Place = tuple[str, str, str | None, str | None]
"""Service, environment, repository (as a URL, or by its one name) and team."""

_PLACES_AT_MOST = 4096
_OPENING, _CLOSING = {ord("{")}, {ord("}")}
_requests = Decoder(_Request)
_lines = Decoder(_DeploymentLine | _FailureLine)


class PlainIntake:
    """Makes events of what is plain."""

    def __init__(self, intake: Intake, *, store: EventStore, clock: Clock, rules: CurrentRules) -> None:
        """``intake`` makes the incidents among lines."""
        self._intake = intake
        self._store = store
        self._clock = clock
        self._rules = rules
        self._places: dict[_Place, _Place] = {}

    def request(self, body: bytes) -> Deployment | None:
        """The deployment in a request."""
        request = _decoded(_requests.decode, body)
        made = None if request is None else self._deployments([request.data.attributes])
        return None if made is None else made[0]

    def lines(self, lines: Sequence[bytes]) -> Sequence[Event] | None:
        """The events of lines, as many as there are lines."""
        if not all(lines) or {line[0] for line in lines} != _OPENING or {line[-1] for line in lines} != _CLOSING:
            return None  # only so is a line one object: the decoder takes any white space for an end of line
        given = _decoded(_lines.decode_lines, b"\n".join(lines))
        if given is None or len(given) != len(lines):
            return None
        made = self._deployments([each.attributes for each in given if isinstance(each, _DeploymentLine)])
        if made is None or len(made) == len(given):
            return made
        deployments = iter(made)
        try:
            return [
                self._intake.incident(each.attributes) if isinstance(each, _FailureLine) else next(deployments)
                for each in given
            ]
        except BadRequest:
            return None

    def _deployments(self, given: Sequence[_Given]) -> Sequence[Deployment] | None:
        ids = [each.id for each in given if each.id is not None]
        shas = [each.git.commit_sha for each in given if each.git is not None]
        if not (_consist_of(fields.ID_CHARACTERS, ids) and _consist_of(fields.LOWER_CASE_HEXADECIMAL, shas)):
            return None
        try:
            return self._made(given)
        except BadRequest:
            return None

    def _made(self, given: Sequence[_Given]) -> Sequence[Deployment] | None:
        """One loop, and no call in it that can be saved: nothing is done more often here than to make a deployment."""
        now, rules = self._clock(), self._rules()
        latest, oldest, held = now + fields.FUTURE_MS, now - rules.retention_ms, self._store.deployments
        default_environment, places, made = rules.default_environment, self._places, []
        for each in given:
            started_at, finished_at, git, tags = each.started_at, each.finished_at, each.git, each.custom_tags
            if not fields.EARLIEST_MS <= started_at <= finished_at <= latest:
                started_at = fields.milliseconds(started_at, "started_at")
                finished_at = fields.milliseconds(finished_at, "finished_at")
                if not fields.EARLIEST_MS <= started_at <= finished_at <= latest:
                    return None
            if finished_at < oldest and each.id not in held:
                return None
            url, sha = (None, None) if git is None else (git.repository_url, git.commit_sha)
            named = (each.service, each.env or each.environment or default_environment, url, each.team or None)
            service, environment, repository, team = places.get(named) or self._place(named)
            event = Deployment(
                id=each.id or "",
                service=service,
                environment=environment,
                started_at=started_at,
                finished_at=finished_at,
                version=each.version or None,
                commit_sha=sha,
                repository=repository,
                team=team,
                tags=tuple(filter(None, tags)) if tags else (),
            )
            made.append(event if event.id else replace(event, id=_id_of(event)))
        return made

    def _place(self, named: _Place) -> _Place:
        """Where a deployment belongs, with the texts that events hold already; remembered, because few are many's."""
        service, environment, url, team = named
        if RESERVED in (service, environment, team):
            raise BadRequest(f"{RESERVED} is reserved")
        share = self._store.shared
        repository = None if url is None else fields.known_repository(url, "git.repository_url")
        place = (
            share(service, service),
            share(environment, environment),
            None if repository is None else share(repository, repository),
            None if team is None else share(team, team),
        )
        if len(self._places) >= _PLACES_AT_MOST:
            self._places.clear()
        self._places[named] = place
        return place


def _id_of(event: Deployment) -> str:
    return derived_ids.deployment_id(
        service=event.service,
        environment=event.environment,
        started_at=event.started_at,
        finished_at=event.finished_at,
        version=event.version,
        commit_sha=event.commit_sha,
    )


def _decoded(decode: Callable[[bytes], _T], body: bytes) -> _T | None:
    """What is in a body in which no text can hold anything but printable ASCII: JSON must escape the rest."""
    if not body.isascii() or b"\\" in body or b"\x7f" in body:
        return None
    try:
        return decode(body)
    except FLAWS:
        return None


def _consist_of(characters: bytes, texts: list[str]) -> bool:
    return not "".join(texts).encode().translate(None, characters)
