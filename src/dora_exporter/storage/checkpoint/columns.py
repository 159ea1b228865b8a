"""Deployments as columns: most fields repeat, or have a known length."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from dora_exporter.dora.events import Checkout, Commit, Deployment, Outcome, Shipped, Verdict

_PER_CHUNK = 4096
"""So many take some milliseconds to decode, in which the event loop does nothing else."""

Place = tuple[str, str, str | None, str | None, str]
"""Service, environment, repository, team and source: what a deployment has in common with many."""


class _Extras(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What most deployments do not have."""

    tags: tuple[str, ...] = ()
    commits: tuple[Commit, ...] | None = None
    verdict: Verdict | None = None
    shipped: Shipped | None = None
    revision: int | None = None
    upstream: dict[str, Any] | None = None
    further: tuple[Checkout, ...] = ()
    outcome: Outcome | None = None


class _Columns(msgspec.Struct, array_like=True, gc=False):
    ids: list[str]
    started_at: bytes
    finished_at: bytes
    versions: list[str | None]
    shas: list[str | None]
    places: bytes
    extras: bytes
    """As JSON, which is how the snapshot file has them: nothing comes back otherwise than from there."""


_NO_EXTRAS = _Extras()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Columns)
_extras_encoder = msgspec.json.Encoder()
_extras_decoder = msgspec.json.Decoder(list[tuple[int, _Extras]])


class PlaceTable:
    """The places of deployments, each with a number."""

    def __init__(self, places: Sequence[Place] = ()) -> None:
        """Places with numbers from 0 on."""
        self.places = list(places)
        self._numbers = {place: number for number, place in enumerate(self.places)}

    def number(self, deployment: Deployment) -> int:
        """The number of a deployment's place."""
        place = (
            deployment.service,
            deployment.environment,
            deployment.repository,
            deployment.team,
            deployment.source,
        )
        number = self._numbers.setdefault(place, len(self.places))
        if number == len(self.places):
            self.places.append(place)
        return number


def encode(deployments: Sequence[Deployment], table: PlaceTable) -> Iterator[bytes]:
    """The columns of deployments, in chunks."""
    rest = iter(deployments)
    while chunk := list(islice(rest, _PER_CHUNK)):
        extras = [(number, each) for number, each in enumerate(map(_extras_of, chunk)) if each != _NO_EXTRAS]
        columns = _Columns(
            ids=[each.id for each in chunk],
            started_at=array("q", [each.started_at for each in chunk]).tobytes(),
            finished_at=array("q", [each.finished_at for each in chunk]).tobytes(),
            versions=[each.version for each in chunk],
            shas=[each.commit_sha for each in chunk],
            places=array("I", map(table.number, chunk)).tobytes(),
            extras=_extras_encoder.encode(extras),
        )
        yield _encoder.encode(columns)


def decode(chunk: bytes, table: PlaceTable) -> list[Deployment]:
    """The deployments of a chunk; they share the strings of the table."""
    columns = _decoder.decode(chunk)
    places = [table.places[number] for number in array("I", columns.places)]
    services, environments, repositories, teams, sources = zip(*places, strict=True)
    deployments = list(
        map(
            Deployment,
            columns.ids,
            services,
            environments,
            array("q", columns.started_at),
            array("q", columns.finished_at),
            columns.versions,
            columns.shas,
            repositories,
            teams,
            sources,
        )
    )
    for number, extras in _extras_decoder.decode(columns.extras):
        for name in extras.__struct_fields__:
            force_setattr(deployments[number], name, getattr(extras, name))
    return deployments


def _extras_of(deployment: Deployment) -> _Extras:
    return _Extras(
        deployment.tags,
        deployment.commits,
        deployment.verdict,
        deployment.shipped,
        deployment.revision,
        deployment.upstream,
        deployment.further,
        deployment.outcome,
    )
