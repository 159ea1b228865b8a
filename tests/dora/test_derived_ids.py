from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.derived_ids import deployment_id, former_incident_id, incident_id

_deployments = st.fixed_dictionaries(
    {
        "service": st.text('ab",', max_size=3),
        "environment": st.text('ab",', max_size=3),
        "started_at": st.integers(0, 3),
        "finished_at": st.integers(0, 3),
        "version": st.none() | st.text('ab",nul', max_size=4),
        "commit_sha": st.none() | st.text("ab", max_size=2),
    }
)
_incidents = st.fixed_dictionaries(
    {
        "services": st.lists(st.text('ab",', max_size=3), max_size=3).map(tuple),
        "team": st.none() | st.text('ab",nul', max_size=4),
        "environment": st.text('ab",', max_size=3),
        "started_at": st.integers(0, 3),
    }
)


@given(_deployments, _deployments)
def test_two_deployments_have_one_id_only_if_all_their_facts_are_equal(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (deployment_id(**one) == deployment_id(**other)) == (one == other)


@given(_incidents, _incidents)
def test_two_incidents_have_one_id_only_if_services_or_else_teams_and_all_other_facts_are_equal(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    are_equal = (one if not one["services"] else one | {"team": ""}) == (
        other if not other["services"] else other | {"team": ""}
    )
    assert (incident_id(**one) == incident_id(**other)) == are_equal


def test_an_id_never_changes_from_version_to_version() -> None:
    deployed = deployment_id(
        service="checkout", environment="prod", started_at=1, finished_at=2, version="7", commit_sha=None
    )
    assert deployed == "2749bf3a88d421a27262267eec2b7544"
    broken = incident_id(services=("cart", "web"), team=None, environment="prod", started_at=1)
    assert broken == "96237ba8fd845f3250d146d685e0a7f5"
    crewed = former_incident_id(services=("cart", "web"), team="crew", environment="prod", started_at=1)
    assert crewed == "57dfb12ba0976fa857df2adfd6fd6232"
