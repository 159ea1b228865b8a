"""Nothing secret is left in a text that is logged."""

import pytest

from dora_exporter.runtime.redaction import redacted, redacted_fact


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("cannot reach https://me:hunter2@host/path", "cannot reach https://***@host/path"),
        ("https://hunter2@host and https://other/a@b", "https://***@host and https://other/a@b"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer ***"),
        ("{'Authorization': 'Basic aHVudGVyMg=='}", "{'Authorization': 'Basic ***'}"),
        ("GET /x?api_key=hunter2&id=5", "GET /x?api_key=***&id=5"),
        ("{'DD-API-KEY': 'hunter2', 'a': 'b'}", "{'DD-API-KEY': ***, 'a': 'b'}"),
        ('{"token": "hunter 2"}', '{"token": ***}'),
        ("client_secret=hunter2", "client_secret=***"),
        ("config.yaml:1: api_keys: must be a list", "config.yaml:1: api_keys: must be a list"),
        ("the token of basic authentication expired", "the token of basic authentication expired"),
    ],
)
def test_a_secret_is_hidden(text: str, harmless: str) -> None:
    assert redacted(text) == harmless


@pytest.mark.parametrize(
    ("name", "value", "logged"),
    [
        ("token", "hunter2", "***"),
        ("web_api_key", "hunter2", "***"),
        ("keys_seen", "hunter2", "hunter2"),
        ("url", "x://hunter2@y", "x://***@y"),
        ("token", 3, 3),
    ],
)
def test_a_fact_named_like_a_secret_is_hidden_whole(name: str, value: str | int, logged: str | int) -> None:
    assert redacted_fact(name, value) == logged


def test_a_very_long_text_keeps_its_beginning_and_its_end() -> None:
    cut = redacted("a" * 10_000 + "b" * 10_000)
    assert (len(cut), cut[0], cut[-1]) == (8192 + len(" ... "), "a", "b")
