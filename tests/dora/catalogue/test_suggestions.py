"""Names that look like other spellings of one."""

from dora_exporter.dora.catalogue.spellings import Entry, Spellings
from dora_exporter.dora.catalogue.suggestions import of_environments, of_services

NOTHING = Spellings(())


def test_services_that_differ_in_case_separators_or_suffix_are_the_most_frequent_one() -> None:
    counts = {"checkout": 9, "Checkout": 2, "checkout-svc": 3, "check_out": 1, "check-out": 1, "till": 4}

    assert of_services(counts, NOTHING) == {"check-out": ["check_out"], "checkout": ["Checkout", "checkout-svc"]}


def test_environments_may_be_well_known_spellings() -> None:
    counts = {"prod": 5, "PROD": 1, "production": 2, "stage": 1, "uat": 1, "preprod": 1, "eu-prod": 1}

    assert of_environments(counts, NOTHING) == {"prod": ["PROD", "production"]}


def test_what_an_entry_knows_stays_and_gets_the_further_spellings() -> None:
    known = Spellings((Entry("live", aliases=("PROD",)),))

    assert of_environments({"prod": 5, "PROD": 1}, known) == {"live": ["prod"]}
    assert of_environments({"PROD": 1, "live": 2}, known) == {}


def test_names_without_a_letter_are_not_alike() -> None:
    assert of_services({"-": 1, "..": 2, "-svc": 1, "_service": 1}, NOTHING) == {}
    assert of_environments({"-": 1, "..": 2}, NOTHING) == {}


def test_a_name_that_would_be_read_as_a_glob_is_no_alias() -> None:
    assert of_services({"till": 2, "Till": 1, "shop-*": 1, "shop_*": 2, "SHOP?": 1, "shop?": 2}, NOTHING) == {
        "till": ["Till"]
    }
