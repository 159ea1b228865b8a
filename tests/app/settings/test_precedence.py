"""Which place wins when several give a setting."""

from itertools import combinations
from pathlib import Path

import pytest
from tests.app.settings.reading import settings_of

from dora_exporter.app.load_settings import Flag
from dora_exporter.app.settings import Settings

PLACES = ("flag", "variable", "secret", "yaml")


@pytest.mark.parametrize("places", [pair for size in (1, 2, 3, 4) for pair in combinations(PLACES, size)])
def test_flags_win_over_variables_over_secrets_over_the_file(tmp_path: Path, places: tuple[str, ...]) -> None:
    settings = settings_of(
        tmp_path,
        "snapshot: {path: yaml}" if "yaml" in places else None,
        flags=[Flag("--snapshot.path", ("snapshot", "path"), "flag")] if "flag" in places else [],
        variables={"DORA_SNAPSHOT__PATH": "variable"} if "variable" in places else {},
        secrets={"DORA_SNAPSHOT__PATH": "secret\n"} if "secret" in places else None,
    )
    assert settings.snapshot.path == Path(places[0])


@pytest.mark.parametrize(
    ("yaml", "variables", "secrets", "keys"),
    [
        ("api_keys_file: keys", {}, None, ["of-keys", "second"]),
        ("api_keys: [yaml]", {"DORA_API_KEYS_FILE": "{folder}/keys"}, None, ["of-keys", "second"]),
        ("api_keys_file: other", {"DORA_API_KEYS_FILE": "{folder}/keys"}, None, ["of-keys", "second"]),
        ("api_keys_file: nowhere", {"DORA_API_KEYS": '["variable"]'}, None, ["variable"]),
        ("api_keys: [yaml]", {}, {"DORA_API_KEYS": "line\nline2\n"}, ["line", "line2"]),
        ("api_keys: [yaml]", {}, {"DORA_API_KEYS": '["json"]'}, ["json"]),
        ("api_keys_file: keys", {}, {"DORA_API_KEYS": "folder"}, ["of-keys", "second"]),
        ("api_keys: [yaml]", {"DORA_API_KEYS": '["variable"]'}, {"DORA_API_KEYS": "folder"}, ["variable"]),
        ("", {}, {"DORA_API_KEYS_FILE": "{folder}/keys"}, ["of-keys", "second"]),
    ],
)
def test_keys_come_from_the_highest_place(
    tmp_path: Path, yaml: str, variables: dict[str, str], secrets: dict[str, str] | None, keys: list[str]
) -> None:
    (tmp_path / "keys").write_text("of-keys\n\n  second  \n")
    (tmp_path / "other").write_text("other\n")
    named = {name: value.format(folder=tmp_path) if "{folder}" in value else value for name, value in variables.items()}
    filed = {name: value.replace("{folder}", str(tmp_path)) for name, value in (secrets or {}).items()}
    settings = settings_of(tmp_path, yaml, variables=named, secrets=filed)
    assert [key.get_secret_value() for key in settings.api_keys] == keys


def test_a_section_is_put_together_from_several_places(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        "web: {enable_lifecycle: true, max_body_bytes: 2048}\nservices: {shop: {team: yaml, source_patterns: [a]}}",
        flags=[Flag("--web.listen-address", ("web", "listen_addresses"), ["127.0.0.1:0", "[::1]:0"])],
        variables={"DORA_WEB__MAX_BODY_BYTES": "4096", "DORA_SERVICES__SHOP__TEAM": "variable"},
    )
    assert settings.web.listen_addresses == ("127.0.0.1:0", "[::1]:0")
    assert settings.web.enable_lifecycle
    assert settings.web.max_body_bytes == 4096
    assert settings.services["shop"].team == "variable"
    assert settings.services["shop"].source_patterns == ("a",)


def test_variables_carry_every_type(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        variables={
            "DORA_RETENTION": "1y",
            "DORA_WINDOWS": '["1h30m", "28d"]',
            "DORA_ATTRIBUTION_LIMIT": "12h",
            "DORA_LIMITS__SERIES": "5",
            "DORA_ALLOW_ANONYMOUS": "true",
            "DORA_SERVICES": '{"Shop": {"team": "a"}}',
        },
    )
    assert (settings.retention.text, settings.retention.ms) == ("1y", 31_536_000_000)
    assert [window.text for window in settings.windows] == ["1h30m", "28d"]
    assert settings.attribution_limit is not None
    assert settings.limits.series == 5
    assert settings.allow_anonymous
    assert settings.services["Shop"].team == "a"


def test_paths_in_the_file_start_from_its_folder_and_others_from_the_working_directory(tmp_path: Path) -> None:
    yaml = "web: {config_file: web.yml}\nsnapshot: {path: events}"
    assert settings_of(tmp_path, yaml).web.config_file == tmp_path / "web.yml"
    assert settings_of(tmp_path, yaml).snapshot.path == Path("events")
    flags = [Flag("--web.config.file", ("web", "config_file"), "web.yml")]
    assert settings_of(tmp_path, yaml, flags=flags).web.config_file == Path("web.yml")


def test_settings_made_in_code_look_at_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DORA_RETENTION", "1y")
    assert Settings().retention.text == "400d"
