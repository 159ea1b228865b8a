"""JSON whose text was cut within a character."""

import json

import pytest

from dora_exporter.runtime.json_escapes import mended


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uDE00", "\ufffd"),
        (r"a\uD83Db", "a\ufffdb"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ud83d\ude00\ude00", "😀\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\\\ude00", "\\\ufffd"),
        (r"\\ud83d\ude00", "\\ud83d\ufffd"),
    ],
)
async def test_half_a_character_is_replaced(text: str, expected: str) -> None:
    body = f'{{"title": "{text}"}}'.encode()

    assert json.loads(await mended(body)) == {"title": expected}


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud83d", r"\\\\ude00", r"\u00e9", r"\ud83d\ude00\ud83d\ude00"])
async def test_other_texts_stay_as_they_are(text: str) -> None:
    body = f'{{"title": "{text}"}}'.encode()

    assert await mended(body) == body
