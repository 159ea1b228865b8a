"""Names in the machine: how senders spell them, random catalogues, and a world by the names that numbers have."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

from tests.machine.facts import Deployed, Line, Rule, Scope, Suffered, Terms, World
from tests.oracle.naming import Naming, name_of

_Scope = TypeVar("_Scope", Scope, Rule)

SERVICES = ("cart", "checkout", "search")
SPELLINGS = {
    "cart": ("cart", "shop-cart", "cart-svc"),
    "checkout": ("checkout", "till", "checkout-svc"),
    "search": ("search", "finder", "search-svc-svc"),
    "production": ("production", "prod", "PROD"),
    "staging": ("staging", "stage", "pr-1"),
}
_SPELT_SERVICES = [*chain(*(SPELLINGS[each] for each in SERVICES))]
_ENVIRONMENTS = [*SPELLINGS["production"], *SPELLINGS["staging"]]


def spelled(chance: random.Random, line: Line) -> Line:
    """A series as some sender spells it."""
    service, environment = (chance.choice(SPELLINGS[each]) for each in line)
    return service, environment


def random_naming(chance: random.Random) -> Naming:
    """Entries that do not contradict each other."""
    services = _entries(chance, ["cart", "checkout", "shop"], [*_SPELT_SERVICES, "shop-*", "*-svc"])
    if chance.random() < 0.3 and not any("*-svc" in each["aliases"] for each in services.values()):
        services["suffixes"] = {"aliases": ["*-svc"], "name": r"\1"}
    return Naming(services, _entries(chance, ["production", "live"], [*_ENVIRONMENTS, "pr*", "*st*"]))


def _entries(chance: random.Random, names: Sequence[str], spellings: Sequence[str]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for spelling in spellings:
        owner = chance.choice([None, *names])
        if owner is not None:
            made.setdefault(owner, {"aliases": []})["aliases"].append(spelling)
    for each in made.values():
        each["aliases"] = [alias for alias in each["aliases"] if alias not in made]
    ignored = chance.choice([*names, *[""] * 9])
    if ignored in made:
        made[ignored]["ignore"] = True
    return made


def line_of(line: Line, naming: Naming) -> Line:
    """A series by the names that numbers have."""
    return name_of(line[0], naming.services), name_of(line[1], naming.environments)


def named(world: World, naming: Naming) -> World:
    """The world as if all senders knew the catalogue: with its names, and without what is ignored."""
    if naming == Naming():
        return world
    deployments = [_deployed(each, naming) for each in world.deployments.values()]
    incidents = [_suffered(each, naming) for each in world.incidents.values()]
    return replace(
        world,
        deployments={each.id: each for each in deployments if not _is_ignored(each.line, naming)},
        incidents={each.id: each for each in incidents if each is not None},
        past=[_deployed(each, naming) for each in world.past],
        seen=dict.fromkeys(each for each in (_appearance(one, naming) for one in world.seen) if each is not None),
    )


def by_name(terms: Terms) -> Terms:
    """The settings, with the names of the catalogue where they name services and environments."""
    return replace(
        terms,
        rollback=_scope(terms.rollback, terms.names),
        revert=_scope(terms.revert, terms.names),
        rules=tuple(_scope(each, terms.names) for each in terms.rules),
    )


def _scope(scope: _Scope, naming: Naming) -> _Scope:
    return replace(
        scope,
        services=tuple(name_of(each, naming.services) for each in scope.services),
        environments=tuple(name_of(each, naming.environments) for each in scope.environments),
    )


def _appearance(seen: tuple[str, str, str], naming: Naming) -> tuple[str, str, str] | None:
    """None for what is ignored: it did not appear."""
    kind, name, environment = seen
    line = line_of((name, environment), naming)
    if kind == "series":
        return None if _is_ignored(line, naming) else (kind, *line)
    return None if naming.environments.get(line[1], {}).get("ignore") else (kind, name, line[1])


def _deployed(each: Deployed, naming: Naming) -> Deployed:
    service, environment = line_of(each.line, naming)
    return replace(each, service=service, environment=environment)


def _suffered(each: Suffered, naming: Naming) -> Suffered | None:
    """None for an incident that counts nowhere."""
    environment = name_of(each.environment, naming.environments)
    lines = dict.fromkeys((name_of(service, naming.services), environment) for service in each.services)
    left = tuple(line[0] for line in lines if not _is_ignored(line, naming))
    if (each.services and not left) or naming.environments.get(environment, {}).get("ignore"):
        return None
    return replace(each, services=left, environment=environment)


def _is_ignored(line: Line, naming: Naming) -> bool:
    service, environment = line
    return bool(
        naming.services.get(service, {}).get("ignore") or naming.environments.get(environment, {}).get("ignore")
    )
