"""The bounds of texts that come from upstreams."""

from collections import Counter

import pytest
from tests.builders import deployment, fields, incident

from dora_exporter.dora import bounds
from dora_exporter.dora.events import Commit, Deployment
from dora_exporter.web.api.schema import fields as values

SHA = "0123456789abcdef0123456789abcdef01234567"


def fitted(**given: object) -> tuple[Deployment, dict[str, int]]:
    changes: Counter[str] = Counter()
    event = bounds.bounded_deployment(deployment(**given), changes)
    return event, {change: count for change, count in changes.items() if count}


def test_the_bounds_are_those_of_what_is_sent() -> None:
    ours = (bounds.LABEL_LENGTH, bounds.TEXT_LENGTH, bounds.TITLE_LENGTH, bounds.MOST_TAGS, bounds.MOST_SERVICES)
    assert ours == (
        values.LABEL_LENGTH,
        values.TEXT_LENGTH,
        values.NAME_LENGTH,
        values.MAX_TAGS,
        values.MAX_SERVICES,
    )
    assert bounds.MOST_COMMITS == values.MAX_COMMITS


def test_what_fits_stays_as_it_is_and_is_not_counted() -> None:
    whole = {
        "service": "s" * 200,
        "environment": "\u00fc\u00a0 <b>",
        "version": "v" * 1000,
        "commit_sha": SHA,
        "repository": "r" * 4000,
        "team": "t" * 200,
        "tags": ("x" * 1000,) * 100,
        "commits": (Commit(SHA, 1, "a\tb"),),
        "upstream": {"a": "b" * 4000, "c": 1},
    }
    event, changes = fitted(**whole)
    assert (fields(event), changes) == (fields(deployment(**whole)), {})


@pytest.mark.parametrize(
    ("field", "given", "kept", "change"),
    [
        ("service", "s" * 201, "s" * 200, "cut"),
        ("environment", "e" * 201, "e" * 200, "cut"),
        ("team", "t" * 201, "t" * 200, "cut"),
        ("version", "v" * 1001, "v" * 1000, "cut"),
        ("repository", "r" * 4001, "r" * 4000, "cut"),
        ("tags", ("x",) * 101, ("x",) * 100, "cut"),
        ("tags", ("x" * 1001,), ("x" * 1000,), "cut"),
        ("commits", (Commit(SHA, 1),) * 5001, (Commit(SHA, 1),) * 5000, "cut"),
        ("commits", (Commit(SHA, 1, "s" * 4001),), (Commit(SHA, 1, "s" * 4000),), "cut"),
        ("service", "a\x00b", "a\ufffdb", "replaced"),
        ("environment", "\x1b", "\ufffd", "replaced"),
        ("team", "\x7f", "\ufffd", "replaced"),
        ("version", "\x9f1", "\ufffd1", "replaced"),
        ("version", "\ud8001", "\ufffd1", "replaced"),
        ("tags", ("a\nb",), ("a\ufffdb",), "replaced"),
        ("service", "_other", "_other_", "renamed"),
        ("environment", "_other", "_other_", "renamed"),
        ("team", "_other", "_other_", "renamed"),
        ("commit_sha", "main", None, "dropped"),
        ("commit_sha", "a" * 129, None, "dropped"),
        ("commit_sha", "--upload-pack=x", None, "dropped"),
        ("commits", (Commit("x", 1), Commit(SHA, 2)), (Commit(SHA, 2),), "dropped"),
    ],
)
def test_what_does_not_fit_is_changed_and_counted(field: str, given: object, kept: object, change: str) -> None:
    event, changes = fitted(**{field: given})
    assert (getattr(event, field), changes) == (kept, {change: 1})


def test_an_empty_team_or_version_is_absent() -> None:
    event, changes = fitted(team="", version="")
    assert (event.team, event.version, changes) == (None, None, {})


def test_what_is_kept_beside_the_fields_is_cut_and_can_be_written() -> None:
    event, _ = fitted(upstream={"a": "b" * 4001, "c": [1]})
    assert event.upstream == {"a": "b" * 4000, "c": [1]}
    event, _ = fitted(upstream={"a": "\udcff\u00fc\x00", "c": 1})
    assert event.upstream == {"a": "\ufffd\u00fc\x00", "c": 1}
    event, _ = fitted(upstream={"a": ["b" * 4001, "\udcff", 1], "c": ["d"] * 1001})
    assert event.upstream == {"a": ["b" * 4000, "\ufffd", 1], "c": ["d"] * 1000}


def test_the_services_of_an_incident_stay_sorted_unique_and_few() -> None:
    changes: Counter[str] = Counter()
    names = ("", *(f"{'s' * 200}{number}" for number in range(3)), "a", "_other")
    event = bounds.bounded_incident(incident(services=names), changes)
    assert event.services == ("_other_", "a", "s" * 200)
    assert +changes == {"cut": 3, "renamed": 1}
    many = bounds.bounded_incident(incident(services=tuple(f"s{n}" for n in range(1001))), changes)
    assert len(many.services) == 1000


def test_a_title_may_have_lines_and_no_other_control_characters() -> None:
    event = bounds.bounded_incident(incident(name="a\r\n\tb\x1b" + "c" * 4000, severity="\x00"), Counter())
    assert event.name == "a\r\n\tb\ufffd" + "c" * 3994
    assert event.severity == "\ufffd"


def test_an_id_is_1_to_128_characters_that_can_be_printed() -> None:
    given = ("", "a", "a" * 128, "a" * 129, "a\n")
    assert [text for text in given if bounds.is_id(text)] == ["a", "a" * 128]
