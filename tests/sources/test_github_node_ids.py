"""Numbers in the ids of GraphQL."""

import pytest

from dora_exporter.sources.github.node_ids import number_in


@pytest.mark.parametrize(
    ("node_id", "number"),
    [
        ("MDEwOkRlcGxveW1lbnQxNDU5ODg3NDY=", 145988746),
        ("DE_kwDOABCDRs60", None),
        ("DE_kwABzoAAAAE", 2**31 + 1),
        ("DE_", None),
        ("", None),
        ("???", None),
        ("DE_gqFh", None),
    ],
)
def test_both_forms_are_read_and_others_are_not(node_id: str, number: int | None) -> None:
    assert number_in(node_id) == number
