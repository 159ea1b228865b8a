"""Nothing that is shown about a configuration holds a secret."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dora_exporter.config import ConfigError
from tests.config.loading import settings

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
    "limits: {{series: {}}}",
    "log: {{level: {}}}",
    "web: {{listen_addresses: [{}]}}",
    "web: {{enable_lifecycle: {}}}",
    "snapshot: {{durability: {}}}",
    "services: {{checkout: {}}}",
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
    text: str | None = None, *, variables: dict[str, str] | None = None, secrets: dict[str, str] | None = None
) -> str:
    """Everything that such a configuration lets people see."""
    try:
        loaded = settings(text, variables=variables, secrets=secrets)
    except ConfigError as error:
        causes = (error, error.__cause__, error.__context__ if not error.__suppress_context__ else None)
        return " ".join(f"{each} {each!r}" for each in causes)
    return f"{loaded} {loaded!r} {loaded.model_dump_json()}"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(template=st.sampled_from(FILES), before=_NOISE, after=_NOISE)
def test_no_mistake_in_a_file_tells_a_secret(template: str, before: str, after: str) -> None:
    assert SECRET not in shown(template.format(*[f"{before}{SECRET}{after}"] * 2))


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(variable=st.sampled_from(VARIABLES), before=_NOISE, after=_NOISE)
def test_no_mistake_in_a_variable_tells_a_secret(variable: tuple[str, str], before: str, after: str) -> None:
    name, template = variable
    assert SECRET not in shown(variables={name: template.format(f"{before}{SECRET}{after}")})


@pytest.mark.parametrize("content", [f"{SECRET}\n", f" {SECRET} \nü{SECRET}\n", f"[{SECRET}", f'["{SECRET}", 5]'])
def test_no_secret_file_is_told(content: str) -> None:
    Path("keys").write_text(content)
    assert SECRET not in shown(variables={"DORA_API_KEYS_FILE": "keys"})
    assert SECRET not in shown(secrets={"DORA_API_KEYS": content})
