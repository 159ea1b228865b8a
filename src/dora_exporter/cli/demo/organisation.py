"""Invents what happens in an organisation: releases, failures, remedies, verdicts; the same again for the same seed."""

import heapq
from collections.abc import Iterator
from itertools import chain
from random import Random

from msgspec.structs import replace

from dora_exporter.cli.demo.service_simulation import SYMPTOMS, Happening, ServiceSimulation, made_up_id
from dora_exporter.cli.demo.services import SERVICES
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Incident

DAYS = 120

_UNDER_WAY = ((-420.0, 6.0), (-35.0, 25.0), (0.5, 2.0), (4.0, 8.0))
"""When some incidents begin and end, in minutes from now: one drags on until soon, one is fresh, two come and go."""


def organisation(seed: int, now_ms: int, *, days: int = DAYS, haste: float = 1.0) -> Iterator[Happening]:
    """Everything that happens from so many days before now on, in time order and without end.

    What is before now keeps office hours; what comes after does not, and goes ``haste`` times as fast. Two incidents
    are open now; half a minute later a third one begins that is soon over, and then a fourth.
    """
    lives = [
        ServiceSimulation(service, Random(f"{seed}/{service.name}"), now_ms=now_ms, haste=haste, neighbours=SERVICES)
        for service in SERVICES
    ]
    streams = [life.happenings(now_ms - days * DAY_MS) for life in lives]
    return heapq.merge(*streams, _under_way(seed, now_ms), key=lambda happening: happening.at)


def split(happenings: Iterator[Happening], now_ms: int) -> tuple[list[Happening], Iterator[Happening]]:
    """The events reported until now, and an iterator over those to come."""
    past: list[Happening] = []
    for happening in happenings:
        if happening.at > now_ms:
            return past, chain((happening,), happenings)
        past.append(happening)
    return past, iter(())


def _under_way(seed: int, now_ms: int) -> Iterator[Happening]:
    """The incidents around now, each reported when it begins and when it ends."""
    random = Random(f"{seed}/now")
    reports: list[Happening] = []
    for service, (begins, ends) in zip(random.sample(SERVICES, len(_UNDER_WAY)), _UNDER_WAY, strict=True):
        began, ended = now_ms + int(begins * MINUTE_MS), now_ms + int(ends * MINUTE_MS)
        name = f"{service.name}: {random.choice(SYMPTOMS)}"
        incident = Incident(
            made_up_id(random), (service.name,), "production", began, name=name, severity="SEV-2", team=service.team
        )
        reports += [Happening(began, incident), Happening(ended, replace(incident, finished_at=ended))]
    yield from sorted(reports, key=lambda report: report.at)
