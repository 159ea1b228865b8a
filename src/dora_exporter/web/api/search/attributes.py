"""The attributes of an event that a query may ask for, by their keys."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import SUCCEEDED, Checkout, Deployment, Event, Incident

Values = Callable[[Event], Iterable[str | None]]
"""The values of one attribute of an event; None for one that is absent."""


def values_of(key: str, catalogue: Catalogue = NO_CATALOGUE) -> Values:
    """The values of an attribute; a key that is no attribute asks for a custom tag.

    Services and environments have the name that was sent, and the one of the ``catalogue``.
    """
    values = _ATTRIBUTES.get(key) or _tags_of(key)
    if key in _SERVICE_KEYS:
        return _with_names(values, catalogue.service)
    return _with_names(values, catalogue.environment) if key in _ENVIRONMENT_KEYS else values


def _with_names(values: Values, name_of: Callable[[str], str]) -> Values:
    def both(event: Event) -> Iterator[str | None]:
        for value in values(event):
            yield value
            if value is not None and (name := name_of(value)) != value:
                yield name

    return both


def _tags_of(key: str) -> Values:
    prefix = f"{key}:"
    return lambda event: (tag[len(prefix) :] for tag in event.tags if tag.startswith(prefix))


def _services(event: Event) -> Iterable[str]:
    return event.services if isinstance(event, Incident) else (event.service,)


def _change_failure(event: Event) -> Iterable[str]:
    if not isinstance(event, Deployment):
        return ()
    return ("null",) if event.verdict is None else (str(event.verdict.change_failure).lower(),)


def _further(event: Event) -> Sequence[Checkout]:
    return event.further if isinstance(event, Deployment) else ()


def _shas(event: Event) -> Iterable[str | None]:
    return (event.commit_sha, *(each.commit_sha for each in _further(event)))


def _repositories(event: Event) -> Iterable[str | None]:
    return (event.repository, *(each.repository for each in _further(event)))


def _outcome(event: Event) -> Sequence[str]:
    return (event.outcome or SUCCEEDED,) if isinstance(event, Deployment) else ()


def _of_incident(name: str) -> Values:
    return lambda event: (getattr(event, name),) if isinstance(event, Incident) else ()


_SERVICE_KEYS = ("service", "services")
_ENVIRONMENT_KEYS = ("env", "environment")
_ATTRIBUTES: dict[str, Values] = {
    "service": _services,
    "services": _services,
    "env": lambda event: (event.environment,),
    "environment": lambda event: (event.environment,),
    "team": lambda event: (event.team,),
    "version": lambda event: (event.version,),
    "source": lambda event: (event.source,),
    "id": lambda event: (event.id,),
    "commit_sha": _shas,
    "git.commit_sha": _shas,
    "repository_id": _repositories,
    "git.repository_id": _repositories,
    "name": _of_incident("name"),
    "severity": _of_incident("severity"),
    "change_failure": _change_failure,
    "outcome": _outcome,
}
