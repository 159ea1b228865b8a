"""A catalogue that came late, one that was always there, and senders that need none: the same in every digit."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.oracle.gauges import TEAM_MARK, Sample, expected
from tests.oracle.naming import Naming, name_of
from tests.strategies import HISTORIES, RETENTION_MS, WINDOWS, Action, actions, attribution_limits

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.settings import Settings
from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.metrics import ALL
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions

SERVICES = {
    "cart": ("cart", "shop-cart", "cart-svc"),
    "checkout": ("checkout", "till", "checkout-svc"),
    "search": ("search", "finder", "search-svc-svc"),
}
ENVIRONMENTS = {"production": ("production", "prod", "PROD"), "staging": ("staging", "stage", "pr-1")}
PRODUCTION = ("production", "prod", "PROD", "live")
"""The environments here whose names say so."""
NO_NAMES = Naming()


def spelled(draw: st.DrawFn, event: Action) -> Action:
    """An action whose sender spells names in one of several ways, and may be a source instead of a client."""
    if not isinstance(event, Deployment | Incident):
        return event
    environment = draw(st.sampled_from(ENVIRONMENTS[event.environment]))
    if isinstance(event, Incident):
        services = tuple(draw(st.sampled_from(SERVICES[each])) for each in event.services)
        return replace(event, services=services, environment=environment)
    return replace(event, service=draw(st.sampled_from(SERVICES[event.service])), environment=environment)


@st.composite
def histories(draw: st.DrawFn, sources: Sequence[str] = ("api",)) -> list[Action]:
    """What happens to a daemon whose senders spell names as they like."""
    told = [spelled(draw, each) for each in draw(st.lists(actions(), min_size=2, max_size=20))]
    return [
        replace(each, source=draw(st.sampled_from(sources))) if isinstance(each, Deployment) else each for each in told
    ]


def entries(
    names: Sequence[str], spellings: Sequence[str], globs: Sequence[str], **more: st.SearchStrategy[object]
) -> st.SearchStrategy[dict[str, dict[str, Any]]]:
    """Entries for some names: each spelling is an alias of one of them, or of none, and so is each glob."""

    def built(owners: list[str | None], ignored: set[str], further: dict[str, dict[str, object]]) -> dict[str, Any]:
        made: dict[str, dict[str, Any]] = {}
        for alias, owner in zip((*spellings, *globs), owners, strict=True):
            if owner is not None:
                made.setdefault(owner, {"aliases": []})["aliases"].append(alias)
        for name in ignored & made.keys():
            made[name]["ignore"] = True
        for each in made.values():
            each["aliases"] = [alias for alias in each["aliases"] if alias not in made]
        return {**made, **further}

    owners = st.sampled_from([None, *names])
    return st.builds(
        built,
        st.lists(owners, min_size=len(spellings) + len(globs), max_size=len(spellings) + len(globs)),
        st.sets(st.sampled_from(names), max_size=1),
        st.fixed_dictionaries({}, optional=more),
    )


SUFFIXES = st.just({"aliases": ["*-svc"], "name": r"\1"})
NAMINGS = st.builds(
    Naming,
    entries(["cart", "checkout", "shop"], [*chain(*SERVICES.values())], ["shop-*", "*-svc"], suffixes=SUFFIXES).filter(
        lambda made: "suffixes" not in made or not any("*-svc" in each["aliases"] for each in [*made.values()][:-1])
    ),
    entries(["production", "live"], [*chain(*ENVIRONMENTS.values())], ["pr*", "*st*"]),
)


@dataclass(frozen=True)
class Conditions:
    """What is configured besides names."""

    series_limit: int
    limit_ms: int | None
    has_teams: bool


CONDITIONS = st.builds(Conditions, st.sampled_from([1, 2, 10]), attribution_limits, st.booleans())


def terms(naming: Naming, conditions: Conditions) -> Definitions:
    """The definitions of a daemon that is configured with a naming."""
    services = {key: dict(each) for key, each in naming.services.items()}
    if conditions.has_teams:
        aliases = {alias for each in naming.services.values() for alias in each.get("aliases", ())}
        for name, team in (("cart", "crew"), ("checkout", "squad"), ("shop", "crew")):
            if name not in aliases:  # one is not a name of its own then
                services.setdefault(name, {})["team"] = team
    configured = Settings.model_validate(
        {
            "windows": [text for text, _ in WINDOWS],
            "retention": f"{RETENTION_MS // 86_400_000}d",
            "limits": {"series": conditions.series_limit},
            "attribution_limit": None if conditions.limit_ms is None else f"{max(conditions.limit_ms, 1)}ms",
            "failures": {"rules": [], "rollback": {"tiers": ["production"]}},
            "services": services,
            "environments": naming.environments,
        }
    )
    return dataclasses.replace(definitions(configured), metrics=ALL)


def reloaded(daemon: Daemon, wanted: Definitions) -> None:
    """The daemon has other definitions in force."""
    daemon.definitions = wanted
    daemon.restart()


def kept(store: EventStore) -> EventStore:
    """What another process reads from what a store had written down."""
    other = EventStore()
    other.restore(deployments=store.deployments.values(), incidents=store.incidents.values(), rest=[*store.rest()])
    return other


def canonical(naming: Naming, action: Action) -> Action:
    """An action of a sender that knows the catalogue."""
    if isinstance(action, Deployment):
        return naming.of_deployment(action)
    return naming.of_incident(action) if isinstance(action, Incident) else action


def from_nothing(daemon: Daemon, naming: Naming) -> dict[Sample, float]:
    """What the oracle says of the events that were sent."""
    in_force = daemon.definitions
    renamed: list[Deployment | Incident | None] = [
        naming.counting(naming.of_deployment(each)) for each in daemon.store.deployments.values()
    ]
    troubles = [naming.counting(naming.of_incident(each)) for each in daemon.store.incidents.values()]
    named = (
        (
            service if service.startswith(TEAM_MARK) else name_of(service, naming.services),
            name_of(environment, naming.environments),
        )
        for service, environment in daemon.store.series_order
    )
    order = dict.fromkeys(
        (service, environment)
        for service, environment in named
        if not (
            naming.services.get(service, {}).get("ignore") or naming.environments.get(environment, {}).get("ignore")
        )
    )
    return expected(
        [each for each in renamed if isinstance(each, Deployment)],
        [each for each in troubles if isinstance(each, Incident)],
        now_ms=daemon.now_ms,
        windows=in_force.windows,
        retention_ms=in_force.retention_ms,
        attribution_limit_ms=in_force.attribution_limit_ms,
        team_of=in_force.teams,
        series_limit=in_force.series_limit,
        series_order=order,
        rollback_rule=PRODUCTION,
        revert_rule=True,
    )


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    told=[incident(services=("cart", "checkout")), incident(id="incident-2", services=("checkout",), team="crew")],
    naming=Naming(services={"cart": {"ignore": True}}),
    after=(0, 0),
    conditions=Conditions(series_limit=1, limit_ms=None, has_teams=True),
)
@given(
    told=histories(),
    naming=NAMINGS,
    after=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    conditions=CONDITIONS,
)
def test_it_does_not_matter_when_a_catalogue_came(
    told: list[Action], naming: Naming, after: tuple[int, int], conditions: Conditions
) -> None:
    def of(each: Naming) -> Definitions:
        return terms(each, conditions)

    early, never = Daemon(of(naming)), Daemon(of(naming.only_ignoring))
    late, without = Daemon(of(NO_NAMES)), Daemon(of(NO_NAMES))
    for number, action in enumerate(told):
        never.perform(canonical(naming, action))
        for daemon in (early, late, without):
            daemon.perform(action)
        if number in after:
            reloaded(late, of(naming) if number == min(after) else of(NO_NAMES))
            late.lines()
    reloaded(late, of(naming))

    assert late.lines() == early.lines() == never.lines()
    assert differences(early.samples(), from_nothing(early, naming)) == {}

    late.store = kept(late.store)
    late.restart()
    assert late.lines() == early.lines()

    reloaded(late, of(NO_NAMES))
    assert late.lines() == without.lines()


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=histories(sources=("api", "apm", "builds")), naming=NAMINGS, conditions=CONDITIONS)
def test_reports_of_one_deployment_are_paired_by_the_names_of_the_catalogue(
    told: list[Action], naming: Naming, conditions: Conditions
) -> None:
    def of(each: Naming) -> Definitions:
        return terms(each, conditions)

    early, late, never = Daemon(of(naming)), Daemon(of(NO_NAMES)), Daemon(of(naming.only_ignoring))
    for action in told:
        never.perform(canonical(naming, action))
        for daemon in (early, late):
            daemon.perform(action)
            daemon.lines()
    reloaded(late, of(naming))

    assert late.lines() == early.lines() == never.lines()
