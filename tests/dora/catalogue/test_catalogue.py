"""The names that numbers have, from the names that events were sent with."""

import pytest
from tests.builders import deployment, incident

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Appearances, Catalogue, ServiceDetails
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.events import Series

CATALOGUE = Catalogue(
    services=(
        Entry("checkout", aliases=("shop-checkout", "checkout-v?", "till*")),
        Entry("scratch", aliases=("tmp-*",), ignore=True),
        Entry("without suffix", aliases=("*-svc", "*_service"), template=r"\1"),
        Entry("turned round", aliases=("*@*",), template=r"\2-\1"),
    ),
    environments=(Entry("production", aliases=("prod", "PROD", "prd-*")), Entry("pr", aliases=("pr-*",), ignore=True)),
    tiers=(("pr", "testing"),),
    details_by_service=(("checkout", ServiceDetails("The checkout", "shop", (("runbook", "https://x"),))),),
)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("checkout", "checkout"),
        ("shop-checkout", "checkout"),
        ("checkout-v2", "checkout"),
        ("till", "checkout"),
        ("till-1", "checkout"),
        ("Checkout", "Checkout"),
        ("checkout-v22", "checkout-v22"),
        ("basket-svc", "basket"),
        ("basket_service", "basket"),
        ("basket-svc-svc", "basket"),
        ("shop-checkout-svc", "checkout"),
        ("tmp-1-svc", "scratch"),
        ("a@b", "b-a"),
        ("-svc", "-svc"),
        ("a.svc", "a.svc"),
        ("_other-svc", "_other-svc"),
        ("x" * 300, "x" * 300),
    ],
)
def test_a_service_has_the_name_that_the_catalogue_gives_it(sent: str, name: str) -> None:
    assert CATALOGUE.service(sent) == name
    assert CATALOGUE.service(name) == name


def test_an_event_counts_in_the_series_of_its_names() -> None:
    sent = deployment(service="shop-checkout", environment="PROD")

    assert CATALOGUE.home(sent) == Series("checkout", "production")
    assert CATALOGUE.homes(sent) == (Series("checkout", "production"),)
    assert sent.series == Series("shop-checkout", "PROD")


def test_an_event_counts_nowhere_if_its_service_or_its_environment_is_ignored() -> None:
    assert CATALOGUE.home(deployment(service="tmp-1", environment="prod")) is None
    assert CATALOGUE.homes(deployment(service="checkout", environment="pr-7")) == ()
    assert CATALOGUE.homes(incident(services=(), team="payments", environment="pr-7")) == ()


def test_an_incident_counts_once_in_each_series_and_not_in_ignored_ones() -> None:
    sent = incident(services=("basket-svc", "basket", "tmp-1"), environment="prod")

    assert CATALOGUE.homes(sent) == (Series("basket", "production"),)
    assert CATALOGUE.services_of(sent) == ("basket",)


def test_an_incident_that_names_only_a_team_is_in_the_series_without_a_service() -> None:
    sent = incident(services=(), team="payments", environment="prod")

    assert CATALOGUE.homes(sent) == (Series("", "production"),)


def test_the_rule_that_ignores_an_event_has_a_name() -> None:
    assert CATALOGUE.why_ignored(["tmp-1"], "prod") == "services.scratch"
    assert CATALOGUE.why_ignored(["tmp-1", "checkout"], "prod") is None
    assert CATALOGUE.why_ignored(["checkout"], "pr-1") == "environments.pr"
    assert CATALOGUE.why_ignored([], "prod") is None


def test_a_name_says_which_entry_renamed_it_and_whether_any_knows_it() -> None:
    assert CATALOGUE.service_meaning("shop-checkout-svc").rule == "without suffix"
    assert CATALOGUE.service_meaning("till").rule == "checkout"
    assert CATALOGUE.service_meaning("checkout").rule is None
    assert CATALOGUE.service_meaning("checkout").is_known
    assert CATALOGUE.service_meaning("basket-svc").is_known
    assert not CATALOGUE.service_meaning("basket").is_known


def test_a_tier_is_that_of_the_settings_or_guessed_from_the_name() -> None:
    assert CATALOGUE.tier("PROD") == "production"
    assert CATALOGUE.tier("pr-1") == "testing"
    assert NO_CATALOGUE.tier("uat") == "staging"


def test_details_are_found_by_any_name() -> None:
    assert CATALOGUE.details("till").title == "The checkout"
    assert CATALOGUE.details("basket") == ServiceDetails()


def test_series_appear_when_the_first_of_their_names_does() -> None:
    order = {Series("till", "prod"): 0, team_entry("t", "PROD"): 1, Series("basket", "prod"): 2}
    appearances = Appearances(CATALOGUE, order)
    order[Series("tmp-1", "prod")] = 3
    order[Series("checkout", "production")] = 4
    order[Series("x@y", "pr-1")] = 5
    order[team_entry("t", "prod")] = 6

    assert appearances.rank(Series("checkout", "production"), -1) == 0
    assert appearances.rank(team_entry("t", "production"), -1) == 1
    assert appearances.rank(Series("basket", "production"), -1) == 2
    assert appearances.rank(Series("scratch", "production"), -1) == -1
    assert appearances.sent_as(Series("checkout", "production")) == (
        Series("till", "prod"),
        Series("checkout", "production"),
    )


def test_an_order_that_a_replica_begins_anew_is_read_anew() -> None:
    order = {Series("till", "prod"): 0, Series("basket", "prod"): 1}
    appearances = Appearances(CATALOGUE, order)
    assert appearances.rank(Series("basket", "production"), -1) == 1
    order.clear()
    order |= {Series("basket", "prod"): 0, Series("other", "prod"): 1, Series("till", "prod"): 2}

    assert appearances.rank(Series("basket", "production"), -1) == 0
    assert appearances.rank(Series("checkout", "production"), -1) == 2


def test_catalogues_are_equal_if_their_entries_are() -> None:
    same = Catalogue(CATALOGUE.services, CATALOGUE.environments, CATALOGUE.tiers, CATALOGUE.details_by_service)

    assert same == CATALOGUE
    assert hash(same) == hash(CATALOGUE)
    assert NO_CATALOGUE != CATALOGUE
