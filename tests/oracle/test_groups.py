"""Groups on examples worked out by hand: the engine shows what the oracle expects, and both are right."""

from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.events import Commit, Event
from dora_exporter.dora.groups import Groups
from dora_exporter.series.definitions import Definitions

TREE = Groups(
    above={"acme": None, "retail": "acme", "shop": "retail", "money": "acme"},
    of_services={"cart": "shop", "till": "shop", "ledger": "money"},
    of_teams={"crew": "retail", "squad": "money"},
)


def daemon_with(*events: Event, groups: Groups = TREE, limit: int = 10, teams: dict[str, str] | None = None) -> Daemon:
    daemon = Daemon(
        Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=limit, groups=groups, teams=teams or {})
    )
    for event in events:
        daemon.perform(event)
    assert differences(daemon.samples(), daemon.expected()) == {}
    return daemon


def of_groups(daemon: Daemon, family: str, **more: str) -> dict[str, float]:
    """A family of groups by name, in production and the longest window where there is one."""
    found = {}
    for (name, labels), value in daemon.samples().items():
        own = dict(labels)
        if name == f"dora_group_{family}" and own.get("window", "7d") == "7d" and more.items() <= own.items():
            found[own["group"]] = value
    return found


def test_a_deployment_counts_in_the_group_of_its_service_and_in_all_above_it() -> None:
    daemon = daemon_with(deployment(service="cart"), deployment(service="ledger"), deployment(service="other"))
    assert of_groups(daemon, "deployments") == {"acme": 2, "retail": 1, "shop": 1, "money": 1}


def test_the_group_of_a_service_wins_over_that_of_its_team() -> None:
    daemon = daemon_with(
        deployment(service="cart", team="squad"),
        deployment(service="x", team="crew"),
        deployment(service="y"),
        teams={"y": "squad"},
    )
    assert of_groups(daemon, "deployments") == {"acme": 3, "retail": 2, "shop": 1, "money": 1}


def test_a_median_is_that_of_all_samples_of_a_group_and_no_median_of_medians() -> None:
    events = []
    for service, hours in (("cart", 1), ("cart", 2), ("cart", 3), ("till", 10), ("till", 20)):
        finished = NOW_MS - HOUR_MS
        commit = Commit(f"{service}{hours}".encode().hex().rjust(40, "0"), finished - hours * HOUR_MS)
        events.append(deployment(service=service, finished_at=finished, version=str(hours), commits=(commit,)))
    daemon = daemon_with(*events)
    assert of_groups(daemon, "change_lead_time_seconds", statistic="median") == {
        "acme": 3 * 3600,
        "retail": 3 * 3600,
        "shop": 3 * 3600,
    }


def test_an_incident_of_several_services_counts_once_in_each_group() -> None:
    daemon = daemon_with(deployment(service="till"), incident(services=("cart", "ledger", "till")))
    assert of_groups(daemon, "incidents") == {"acme": 1, "retail": 1, "shop": 1, "money": 1}
    assert of_groups(daemon, "unattributed_incidents") == {"acme": 0, "retail": 0, "shop": 0, "money": 0}


def test_an_incident_of_a_team_alone_counts_in_the_groups_of_the_team() -> None:
    daemon = daemon_with(incident(services=(), team="squad"))
    assert of_groups(daemon, "open_incidents") == {"acme": 1, "money": 1}


def test_groups_beyond_the_limit_are_folded_by_first_appearance() -> None:
    daemon = daemon_with(
        deployment(service="ledger"), deployment(service="cart"), deployment(service="cart", environment="e"), limit=2
    )
    assert of_groups(daemon, "deployments") == {"acme": 2, "money": 1, "_other": 5}


def test_a_group_names_its_services_as_numbers_do() -> None:
    catalogue = Catalogue(services=(Entry("cart", aliases=("basket",)),))
    daemon = Daemon(
        Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=9, groups=TREE, catalogue=catalogue)
    )
    daemon.perform(deployment(service="basket"))
    daemon.perform(incident(services=("basket", "cart")))
    assert of_groups(daemon, "deployments") == {"acme": 1, "retail": 1, "shop": 1}
    assert of_groups(daemon, "incidents") == {"acme": 1, "retail": 1, "shop": 1}


def test_without_groups_there_is_no_family_of_them() -> None:
    daemon = daemon_with(deployment(), groups=Groups())
    assert {family.name for text in daemon.text.caches for family in text.families if "group" in family.name} == set()
