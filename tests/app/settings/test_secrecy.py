"""Nothing that is shown about a configuration holds a secret."""

from collections.abc import Mapping
from pathlib import Path
from traceback import format_exception

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.app.settings.reading import settings_of

from dora_exporter.config.errors import ConfigError

SECRET = "hunter2hunter2"

FILES = (
    "api_keys: {}",
    "api_keys: [{}]",
    "api_keys: [first, {}]",
    "api_keys:\n- {}\n- 5",
    "api_keys:\n  - {}\n - second",
    'api_keys: ["{}]',
    "api_keys: '{}",
    "api_keys: [x]\nread_keys: [{}",
    "api_keys: {{first: {}}}",
    "read_keys: [{}]\nread_keys_file: keys",
    "api_keys: &a [{}]\napi_keys: *b",
    "windows: [{}]",
    "retention: {}",
    "limits:\n  series: {}",
    "log:\n  level: {}",
    "web:\n  listen_addresses: [{}]",
    "web:\n  enable_lifecycle: {}",
    "snapshot:\n  durability: {}",
    "services:\n  checkout: {}",
    "--- {}\n--- {}",
)

VARIABLES = (
    ("DORA_API_KEYS", "{}"),
    ("DORA_API_KEYS", '["{}"'),
    ("DORA_API_KEYS", '["{}", 5]'),
    ("DORA_API_KEYS", '[" {}"]'),
    ("DORA_API_KEYS", '{{"{}": 1}}'),
    ("DORA_FOO", "{}"),
    ("DORA_WEB", "{}"),
    ("DORA_RETENTION", "{}"),
    ("DORA_LIMITS__SERIES", "{}"),
    ("DORA_LOG__LEVEL", "{}"),
    ("DORA_WEB__ENABLE_LIFECYCLE", "{}"),
    ("DORA_WEB__LISTEN_ADDRESSES", '["{}"]'),
)

_NOISE = st.text(st.sampled_from("*&!%@`'\"{}[]#,:-?|> \t0x\\ü\x00"), max_size=3)


def shown(
    folder: Path,
    yaml: str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> str:
    """Everything that such a configuration lets people see."""
    try:
        settings = settings_of(folder, yaml, variables=variables, secrets=secrets)
    except ConfigError as error:
        return "".join((repr(error), *format_exception(error)))
    return f"{settings} {settings!r} {settings.model_dump_json()}"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(template=st.sampled_from(FILES), before=_NOISE, after=_NOISE)
def test_no_mistake_in_a_file_tells_a_secret(tmp_path: Path, template: str, before: str, after: str) -> None:
    assert SECRET not in shown(tmp_path, template.format(*[f"{before}{SECRET}{after}"] * 2))


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(variable=st.sampled_from(VARIABLES), before=_NOISE, after=_NOISE)
def test_no_mistake_in_a_variable_tells_a_secret(
    tmp_path: Path, variable: tuple[str, str], before: str, after: str
) -> None:
    name, template = variable
    assert SECRET not in shown(tmp_path, variables={name: template.format(f"{before}{SECRET}{after}")})


@pytest.mark.parametrize("content", [f"{SECRET}\n", f" {SECRET} \nü{SECRET}\n", f"[{SECRET}", f'["{SECRET}", 5]'])
def test_no_secret_file_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys").write_text(content)
    assert SECRET not in shown(tmp_path, "api_keys_file: keys")
    assert SECRET not in shown(tmp_path, secrets={"DORA_API_KEYS": content})
