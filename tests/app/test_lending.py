"""Providers of pull requests ask with the credentials of a source."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.builders import ManualClock

from dora_exporter.app.components import Components
from dora_exporter.app.settings import Settings
from dora_exporter.commits.providers.http import ForgeFailed, ForgeMisconfigured

GITHUB = {"kind": "github", "organizations": ["acme"]}


def settings_of(folder: Path, source: dict[str, Any]) -> Settings:
    said = {"sources": {"forge": source}, "pull_requests": {"forge": {"source": "forge"}}}
    return Settings.model_validate({**said, "snapshot": {"path": folder / "snapshot.jsonl"}})


@pytest.mark.parametrize(
    ("source", "kind", "host", "base_url"),
    [
        ({**GITHUB, "token": "a"}, "github", "github.com", "https://api.github.com"),
        (
            {**GITHUB, "token": "a", "base_url": "https://git.example/api/v3"},
            "github",
            "git.example",
            "https://git.example/api/v3",
        ),
        (
            {"kind": "gitlab", "groups": ["acme"], "token": "a", "base_url": "https://git.example:8443/"},
            "gitlab",
            "git.example",
            "https://git.example:8443/api/v4",
        ),
    ],
)
async def test_a_source_lends_what_it_is_asked_with(
    tmp_path: Path, source: dict[str, Any], kind: str, host: str, base_url: str
) -> None:
    settings = settings_of(tmp_path, source)
    parts = Components(settings, lambda: settings, clock=ManualClock())
    lent = parts.sources.lend("forge")
    assert (lent.kind, lent.host, lent.base_url) == (kind, host, base_url)


async def test_the_token_is_the_one_that_the_source_has_now(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = settings_of(tmp_path, {**GITHUB, "token_file": file})
    parts = Components(settings, lambda: settings, clock=ManualClock())
    lent = parts.sources.lend("forge")
    with pytest.raises(ForgeMisconfigured, match="the source forge, which lends its credentials, does not exist"):
        await lent.headers()
    await parts.sources.start()
    try:
        for token in ("the first", "the second"):
            file.write_text(token)
            assert (await lent.headers())["Authorization"] == f"Bearer {token}"
        file.unlink()
        with pytest.raises(ForgeMisconfigured, match="token"):
            await lent.headers()
    finally:
        await parts.sources.stop()


async def test_an_app_that_github_does_not_know_is_a_failure_of_the_provider(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key")
    app = {"app_id": 1, "installation_id": 2, "private_key_file": key, "base_url": "http://127.0.0.1:9"}
    settings = settings_of(tmp_path, {**GITHUB, **app})
    parts = Components(settings, lambda: settings, clock=ManualClock())
    await parts.sources.start()
    try:
        with pytest.raises(ForgeFailed, match="no RSA key"):
            await parts.sources.lend("forge").headers()
    finally:
        await parts.sources.stop()


@pytest.mark.parametrize("source", [GITHUB, {"kind": "alertmanager", "matchers": ["a=b"]}])
def test_only_a_source_that_can_ask_lends(tmp_path: Path, source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="must be the name of a source of kind github or gitlab that has a token"):
        settings_of(tmp_path, source)
