"""What people get wrong, and the line that they are shown for it."""

from pathlib import Path

import pytest

from dora_exporter.config import ConfigError, Flag, load
from tests.config.loading import mistakes

_TEXT = "put it in quotes"
_DURATION = "must be a duration such as 30s, 5m, 12h or 90d"
_ADDRESS = "must be host:port, such as 127.0.0.1:3672, [::1]:3672 or :3672"
_OPEN = "can be reached from other machines: set api_keys, or write allow_anonymous: true to let everybody in"
_LISTEN = Flag("--web.listen-address", ("web", "listen_addresses"), [":3672"])

FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "a list at the top": ("[]", ["config.yaml:1: must be a mapping of keys to values"]),
    "a word at the top": ("hello", ["config.yaml:1: must be a mapping of keys to values"]),
    "an open bracket": (
        "web: [",
        ["config.yaml:1: is not YAML: expected the node content, but found '<stream end>'"],
    ),
    "a tab": ("web:\n\tx: 1", ["config.yaml:2: is not YAML: found character that cannot start any token"]),
    "two documents": (
        "log: {}\n---\nlog: {}",
        ["config.yaml:2: must hold one YAML document, here begins a second one"],
    ),
    "a control character": ("log: \x01", ["config.yaml:1: holds a character that YAML does not allow"]),
    "Latin-1": (b"default_environment: caf\xe9", ["config.yaml: is not UTF-8 text"]),
    "deep nesting": ("[" * 3000, ["config.yaml: is nested too deeply"]),
    "a mapping in itself": ("services: &all\n  x: *all", ["config.yaml:1: services.x: must not hold itself"]),
    "a merge with a number": ("log:\n  <<: 5", ["config.yaml:2: <<: must name a mapping"]),
    "a duplicate key": (
        "web:\n  enable_lifecycle: true\n  enable_lifecycle: false",
        ["config.yaml:3: web.enable_lifecycle: duplicate key, it is in line 2 already"],
    ),
    "a duplicate section": (
        "log: {}\nweb: {}\nlog: {}",
        ["config.yaml:3: log: duplicate key, it is in line 1 already"],
    ),
    "an unknown key": ("retension: 4d", ["config.yaml:1: retension: unknown key, did you mean retention?"]),
    "an unknown key in a section": (
        "web:\n  listen_adresses: []",
        ["config.yaml:2: web.listen_adresses: unknown key, did you mean listen_addresses?"],
    ),
    "an unknown key below a name": (
        "services:\n  checkout:\n    teem: payments",
        ["config.yaml:3: services.checkout.teem: unknown key, did you mean team?"],
    ),
    "an unknown key unlike any": ("zzz: 1", ["config.yaml:1: zzz: unknown key"]),
    "NO for a name": (
        "services:\n  NO:\n    team: x",
        [f"config.yaml:2: services: a key must be text, but unquoted it is true or false in YAML: {_TEXT}"],
    ),
    "NO for text": (
        "services:\n  norway:\n    team: NO",
        [f"config.yaml:3: services.norway.team: must be text, but unquoted it is true or false in YAML: {_TEXT}"],
    ),
    "on for text": (
        "default_environment: on",
        [f"config.yaml:1: default_environment: must be text, but unquoted it is true or false in YAML: {_TEXT}"],
    ),
    "1.10 for text": (
        "default_environment: 1.10",
        [f"config.yaml:1: default_environment: must be text, but unquoted it is a number in YAML: {_TEXT}"],
    ),
    "012 for text": (
        "default_environment: 012",
        [f"config.yaml:1: default_environment: must be text, but unquoted it is a number in YAML: {_TEXT}"],
    ),
    "a time for text": (
        "default_environment: 12:30",
        [f"config.yaml:1: default_environment: must be text, but unquoted it is a number in YAML: {_TEXT}"],
    ),
    "a date for text": (
        "default_environment: 2024-01-01",
        [f"config.yaml:1: default_environment: must be text, but unquoted it is a date in YAML: {_TEXT}"],
    ),
    "something like a date": (
        "default_environment: 2024-13-41",
        [f"config.yaml:1: default_environment: YAML cannot read this value: {_TEXT}"],
    ),
    "a number for a path": (
        "snapshot: {path: 5}",
        [f"config.yaml:1: snapshot.path: must be text, but unquoted it is a number in YAML: {_TEXT}"],
    ),
    "a number for a key": (
        "api_keys:\n- 12345",
        [f"config.yaml:2: api_keys[0]: must be text, but unquoted it is a number in YAML: {_TEXT}"],
    ),
    "text for a section": ("web: yes, please", ["config.yaml:1: web: must be a mapping of keys to values"]),
    "text for a list": ("windows: 7d", ["config.yaml:1: windows: must be a list"]),
    "text for a number": ("limits: {series: many}", ["config.yaml:1: limits.series: must be a whole number"]),
    "yes for a number": ("limits: {series: yes}", ["config.yaml:1: limits.series: must be a whole number"]),
    "a fraction for a number": ("limits: {series: 1.0}", ["config.yaml:1: limits.series: must be a whole number"]),
    "zero series": ("limits: {series: 0}", ["config.yaml:1: limits.series: must be at least 1"]),
    "text for yes": (
        "web: {enable_lifecycle: maybe}",
        ["config.yaml:1: web.enable_lifecycle: must be true or false"],
    ),
    "a word that is no choice": (
        "snapshot: {durability: maybe}",
        ["config.yaml:1: snapshot.durability: must be 'fsync' or 'written'"],
    ),
    "nothing for text": ("default_environment: ''", ["config.yaml:1: default_environment: must not be empty"]),
    "nothing for a path": ("snapshot: {path: ''}", ["config.yaml:1: snapshot.path: must not be empty"]),
    "a line break in a name": (
        '"services":\n  "a\\nb": {}',
        ["config.yaml:2: services.a\\nb: must be printable text"],
    ),
    "a number for a duration": ("retention: 30", [f"config.yaml:1: retention: {_DURATION}"]),
    "a unit that there is not": ("windows: [7d, 2 fortnights]", [f"config.yaml:1: windows[1]: {_DURATION}"]),
    "no window": ("windows: []", ["config.yaml:1: windows: must have at least 1, not 0"]),
    "eleven windows": (
        f"windows: {[f'{days}d' for days in range(1, 12)]}",
        ["config.yaml:1: windows: must have at most 10, not 11"],
    ),
    "the same window twice": ("windows:\n- 1w\n- 7d", ["config.yaml:3: windows[1]: is there already"]),
    "a window beyond the retention": (
        "retention: 60d\nwindows:\n- 30d\n- 61d",
        ["config.yaml:4: windows[1]: the window 61d is longer than the retention 60d"],
    ),
    "a retention shorter than a default window": (
        "retention: 60d",
        ["config.yaml:1: retention: the window 90d is longer than the retention 60d"],
    ),
    "an address without a port": (
        "web: {listen_addresses: [localhost]}",
        [f"config.yaml:1: web.listen_addresses[0]: {_ADDRESS}"],
    ),
    "a port that there is not": (
        "web: {listen_addresses: ['127.0.0.1:65536']}",
        [f"config.yaml:1: web.listen_addresses[0]: {_ADDRESS}"],
    ),
    "no address": (
        "web: {listen_addresses: []}",
        ["config.yaml:1: web.listen_addresses: must have at least 1, not 0"],
    ),
    "both keys and their file": (
        "api_keys: [first]\napi_keys_file: keys",
        ["config.yaml:2: api_keys and api_keys_file exclude each other"],
    ),
    "a key file that is not there": (
        "\napi_keys_file: nowhere",
        ["config.yaml:2: api_keys_file: nowhere: no such file"],
    ),
    "an empty key": ("read_keys: ['']", ["config.yaml:1: read_keys[0]: must not be empty"]),
    "several mistakes": (
        "log:\n  level: loud\nretention: 30\nlog:\n  level: loud\n",
        [
            f"config.yaml:3: retention: {_DURATION}",
            "config.yaml:4: log: duplicate key, it is in line 1 already",
            "config.yaml:5: log.level: must be 'debug', 'info', 'warn' or 'error'",
        ],
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_mistake_in_the_file_is_shown_with_its_line(case: str) -> None:
    text, lines = FILES[case]
    assert mistakes(text) == lines


VARIABLES: dict[str, tuple[dict[str, str], list[str]]] = {
    "unknown": ({"DORA_FOO": "1"}, ["environment variable DORA_FOO: is unknown"]),
    "misspelt": (
        {"DORA_LOG__LEVLE": "debug"},
        ["environment variable DORA_LOG__LEVLE: is unknown, did you mean DORA_LOG__LEVEL?"],
    ),
    "misspelt below a name": (
        {"DORA_SERVICES__checkout__TEEM": "x"},
        ["environment variable DORA_SERVICES__checkout__TEEM: services.checkout.teem: unknown key, did you mean team?"],
    ),
    "not a number": (
        {"DORA_LIMITS__SERIES": "many"},
        ["environment variable DORA_LIMITS__SERIES: limits.series: must be a whole number"],
    ),
    "not a list": (
        {"DORA_WINDOWS": "7d"},
        ['environment variable DORA_WINDOWS: windows: must be a list in JSON, such as ["one", "two"]'],
    ),
    "not a mapping": (
        {"DORA_LOG": "debug"},
        ['environment variable DORA_LOG: log: must be a mapping of keys to values in JSON, such as {"key": "value"}'],
    ),
    "empty": ({"DORA_RETENTION": ""}, [f"environment variable DORA_RETENTION: retention: {_DURATION}"]),
    "both keys and their file": (
        {"DORA_API_KEYS": '["first"]', "DORA_API_KEYS_FILE": "keys"},
        ["environment variable DORA_API_KEYS_FILE: api_keys and api_keys_file exclude each other"],
    ),
    "what Kubernetes injects": ({"DORA_EXPORTER_PORT": "tcp://10.0.0.1:3672", "DORA_EXPORTER_SERVICE_HOST": "x"}, []),
    "the folder of secrets": ({"DORA_SECRETS_DIR": "/run/secrets"}, []),
    "those of others": ({"PATH": "/bin", "DORAEMON": "1", "PANDORA_FOO": "1"}, []),
}


@pytest.mark.parametrize("case", VARIABLES)
def test_a_mistake_in_a_variable_is_shown_with_its_name(case: str) -> None:
    variables, lines = VARIABLES[case]
    assert mistakes(variables=variables) == lines


def test_a_mistake_in_a_flag_is_shown_with_the_flag() -> None:
    flag = Flag("--web.listen-address", ("web", "listen_addresses"), ["127.0.0.1:0", "nowhere"])
    assert mistakes("log: {}", flags=[flag]) == [f"--web.listen-address: web.listen_addresses[1]: {_ADDRESS}"]


def test_a_mistake_in_a_folder_of_secrets_is_shown_with_the_file() -> None:
    secrets = {"DORA_FOO": "x", "DORA_READ_KEYS": " \n", "DORA_LOG__LEVEL": "loud\n", "..data": "", "token": "x"}
    assert mistakes(secrets=secrets) == [
        "secrets/DORA_FOO: is unknown",
        "secrets/DORA_LOG__LEVEL: log.level: must be 'debug', 'info', 'warn' or 'error'",
        "secrets/DORA_READ_KEYS: is empty",
    ]


def test_an_empty_key_file_is_no_way_to_have_no_keys() -> None:
    Path("keys").write_text("\n \n")
    assert mistakes("api_keys_file: keys") == ["config.yaml:1: api_keys_file: keys: is empty"]


def test_a_key_that_no_header_can_carry_is_shown_with_its_line_in_the_key_file() -> None:
    Path("keys").write_text("good\n\nschlüssel\n")
    assert mistakes("api_keys_file: keys") == [
        "keys:3: api_keys[1]: must be printable ASCII text without white space around it: a header has to carry it"
    ]


@pytest.mark.parametrize("address", [":3672", "0.0.0.0:3672", "[::]:3672", "example.org:3672", "192.0.2.1:3672"])
def test_listening_beyond_this_machine_without_keys_is_refused(address: str) -> None:
    assert mistakes(f"web:\n  listen_addresses:\n  - localhost:0\n  - '{address}'") == [
        f"config.yaml:4: web.listen_addresses[1]: {_OPEN}"
    ]


@pytest.mark.parametrize("permission", ["api_keys: [first]", "allow_anonymous: true"])
def test_listening_beyond_this_machine_is_allowed_with(permission: str) -> None:
    assert mistakes(permission, flags=[_LISTEN]) == []


@pytest.mark.parametrize("address", ["localhost:0", "LOCALHOST.:1", "127.0.0.1:3672", "127.9.9.9:1", "[::1]:65535"])
def test_everybody_on_this_machine_may_come_in(address: str) -> None:
    assert mistakes(f"web: {{listen_addresses: ['{address}']}}") == []


def test_a_file_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(ConfigError, match=r"^missing\.yaml: no such file$"):
        load(file=Path("missing.yaml"), flags=(), variables={}, secrets_folder=None)


def test_a_folder_is_no_configuration_file(folder: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, not a file$"):
        load(file=folder, flags=(), variables={}, secrets_folder=None)


def test_a_folder_of_secrets_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(ConfigError, match="^nowhere: the secrets folder cannot be read: No such file or directory$"):
        load(file=None, flags=(), variables={}, secrets_folder=Path("nowhere"))
