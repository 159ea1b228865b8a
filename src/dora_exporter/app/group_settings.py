"""The settings of groups, and the tree that they make."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from dora_exporter.app.catalogue_settings import ServiceSettings
from dora_exporter.app.label import Label
from dora_exporter.config.errors import misplaced, suggestion
from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.groups import Groups, problem_above


class GroupSettings(BaseModel):
    """A group of services and teams; ``parent`` is the group above it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    parent: Label | None = None
    services: tuple[Label, ...] = ()
    teams: tuple[Label, ...] = ()


def checked_groups(
    settings: Mapping[str, GroupSettings], services: Mapping[str, ServiceSettings], catalogue: Catalogue
) -> None:
    """Raises an error at the place of the first group that contradicts itself or another one."""
    above = _above(settings, services)
    for name, group in settings.items():
        if group.parent is not None and group.parent not in above:
            text = f"{group.parent} is not one of groups{suggestion(group.parent, above)}"
            raise misplaced(text, "groups", name, "parent")
        problem = problem_above(above, name)
        if problem:
            raise misplaced(problem, "groups", name, "parent")
    owners: dict[tuple[str, str], str] = {}
    for kind, member, owner, place in _members(settings, services, catalogue):
        other = owners.setdefault((kind, member), owner)
        if other != owner:
            raise misplaced(f"{member} is in the group {other}, it cannot be in {owner}, too", *place)


def groups(
    settings: Mapping[str, GroupSettings], services: Mapping[str, ServiceSettings], catalogue: Catalogue
) -> Groups:
    """The tree of groups that were checked. Equal settings make equal trees."""
    members = list(_members(settings, services, catalogue))
    return Groups(
        above=_above(settings, services),
        of_services={member: owner for kind, member, owner, _ in members if kind == "services"},
        of_teams={member: owner for kind, member, owner, _ in members if kind == "teams"},
    )


def _above(settings: Mapping[str, GroupSettings], services: Mapping[str, ServiceSettings]) -> dict[str, str | None]:
    """The group above each; one that only services name is at the top."""
    named: dict[str, str | None] = {each.group: None for each in services.values() if each.group is not None}
    return named | {name: group.parent for name, group in settings.items()}


def _members(
    settings: Mapping[str, GroupSettings], services: Mapping[str, ServiceSettings], catalogue: Catalogue
) -> Iterator[tuple[str, str, str, tuple[str | int, ...]]]:
    """What is in a group: the kind, the name in numbers, the group, and the place in the settings."""
    for service, each in services.items():
        if each.group is not None:
            yield "services", service, each.group, ("services", service, "group")
    for name, group in settings.items():
        for index, service in enumerate(group.services):
            yield "services", catalogue.service(service), name, ("groups", name, "services", index)
        for index, team in enumerate(group.teams):
            yield "teams", team, name, ("groups", name, "teams", index)
