"""Secrets in files: what is taken, and the one sentence for what is not."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from dora_exporter.runtime.secret_files import BadSecret, read_secret, read_secret_text


def test_a_secret_is_given_directly_or_in_a_file_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\ufeff  from a file\n")
    assert read_secret(SecretStr("direct"), None) == "direct"
    assert read_secret(None, file) == "from a file"
    assert read_secret(None, None) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b"hunter2\xff", "it is not UTF-8 text"),
        ("hunter2".encode("utf-16"), "it is not UTF-8 text"),
        (b"hunter2\nhunter3", "more than one line"),
        (b"hunter2\x00", "more than one line"),
        (None, "No such file or directory"),
    ],
)
def test_what_cannot_be_a_secret_is_one_sentence_that_names_the_file(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadSecret, match=problem) as refused:
        read_secret(None, file)
    assert str(file) in str(refused.value)
    assert "hunter" not in str(refused.value)


def test_a_file_of_several_secrets_may_have_lines(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("one\ntwo\n")
    assert read_secret_text(tmp_path / "secrets") == "one\ntwo"
