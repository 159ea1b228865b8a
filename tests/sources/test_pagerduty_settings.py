"""What the settings of a pagerduty source may say."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from dora_exporter.sources.contract import Misconfigured
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.settings import fingerprint_of, secret_of


def test_nothing_needs_to_be_said() -> None:
    settings = PagerDutySettings()
    assert (settings.base_url, settings.is_polled) == ("https://api.pagerduty.com", False)
    assert (settings.interval.text, settings.overlap.text, settings.relist.text) == ("60s", "1h", "24h")


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "a", "token_file": "b"},
        {"webhook_secrets": ["a"], "webhook_secrets_file": "b"},
        {"base_url": "api.pagerduty.com"},
        {"base_url": "https://user:hunter2@api.pagerduty.com"},
        {"base_url": "https://api.pagerduty.com?x=1"},
        {"urgencies": ["medium"]},
        {"interval": 60},
        {"services": {"PX": ""}},
        {"services": {"PX": {"service": "x", "tier": "1"}}},
        {"tokens": "a"},
    ],
)
def test_a_mistake_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        PagerDutySettings.model_validate(wrong)
    assert "hunter2" not in str(refused.value)


def test_a_token_is_in_no_text() -> None:
    settings = PagerDutySettings.model_validate({"token": "s3cret", "webhook_secrets": ["s4cret"]})
    shown = repr(settings) + settings.model_dump_json()
    assert "s3cret" not in shown
    assert "s4cret" not in shown


def test_the_fingerprint_follows_what_decides_about_events() -> None:
    plain = PagerDutySettings()
    changed = plain.model_copy(update={"service_ids": ("P1",)})
    tuned = plain.model_copy(update={"token_file": "elsewhere"})
    prints = [fingerprint_of(each, "none", tuning=("token_file",)) for each in (plain, changed, tuned)]
    assert prints[0] == prints[2] != prints[1]
    assert fingerprint_of(plain, "production", tuning=("token_file",)) != prints[0]


def test_a_secret_file_must_be_readable_and_say_something(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b" \n")
    with pytest.raises(Misconfigured, match="is empty"):
        secret_of(None, file)
    file.write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="cannot be read"):
        secret_of(None, file)
    file.write_bytes(b"s3cret\r\n")
    assert secret_of(None, file) == "s3cret"
    assert secret_of(None, None) is None
