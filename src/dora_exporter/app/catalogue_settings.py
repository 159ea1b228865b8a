"""The settings of services and environments, and the catalogue that they make."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dora_exporter.app.label import Label
from dora_exporter.config.errors import misplaced
from dora_exporter.config.validators import HTTP_URL
from dora_exporter.dora.catalogue.catalogue import Catalogue, ServiceDetails
from dora_exporter.dora.catalogue.glob import references
from dora_exporter.dora.catalogue.mistakes import mistakes_in
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.catalogue.tiers import Tier


def _template(text: str) -> str:
    if not references(text):
        raise ValueError(r"must name a wildcard of the aliases, as \1: a plain name is the entry's key")
    return text


Link = Annotated[str, Field(max_length=2000), HTTP_URL]


class SpellingSettings(BaseModel):
    """The other spellings of a name: texts and globs.

    With ``name`` the entry is a family: each wildcard of its globs captures what the name is made from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    aliases: tuple[Label, ...] = Field(default=(), max_length=1000)
    name: Annotated[Label, AfterValidator(_template)] | None = None
    ignore: bool = False


class EnvironmentSettings(SpellingSettings):
    """An environment. Its tier is guessed from its name where it is not given."""

    tier: Tier | None = None


class ServiceSettings(SpellingSettings):
    """A service. Without ``source_patterns`` every commit of its repository is its own."""

    team: Label | None = None
    source_patterns: tuple[str, ...] = ()
    group: Label | None = None
    title: Label | None = None
    links: dict[Label, Link] = Field(default_factory=dict, max_length=10)


Kind = Literal["services", "environments"]
_Each = TypeVar("_Each", bound=SpellingSettings)


def checked(kind: Kind, entries: dict[str, _Each]) -> dict[str, _Each]:
    """The entries of a kind; raises an error at the place of the first that contradicts itself or another one."""
    for key, each in entries.items():
        if each.name is not None:
            _check_family(kind, key, each)
    for mistake in mistakes_in(_entries(entries)):
        raise misplaced(mistake.text, kind, mistake.key, "aliases", mistake.place)
    return entries


def _check_family(kind: Kind, key: str, family: SpellingSettings) -> None:
    others = sorted(family.model_fields_set - {"aliases", "name"})
    if others:
        raise misplaced(f"cannot be set for a family, whose name is {family.name}", kind, key, others[0])


def catalogue(services: Mapping[str, ServiceSettings], environments: Mapping[str, EnvironmentSettings]) -> Catalogue:
    """The catalogue of entries that were ``checked``."""
    details = {key: ServiceDetails(each.title, each.group, tuple(each.links.items())) for key, each in services.items()}
    return Catalogue(
        services=tuple(_entries(services)),
        environments=tuple(_entries(environments)),
        tiers=tuple((key, each.tier) for key, each in environments.items() if each.tier is not None),
        details_by_service=tuple((key, each) for key, each in details.items() if each != ServiceDetails()),
    )


def _entries(entries: Mapping[str, SpellingSettings]) -> Iterator[Entry]:
    for key, each in entries.items():
        yield Entry(key, aliases=each.aliases, template=each.name, ignore=each.ignore)
