"""Bad configurations, and the lines that say so."""

from pathlib import Path

import pytest
from tests.app.settings.reading import mistakes_of, settings_of

from dora_exporter.app.load_settings import Flag, load, says_something
from dora_exporter.app.settings import check_doors
from dora_exporter.config.errors import ConfigError
from dora_exporter.sources import KINDS

UNQUOTED = "must be text, but unquoted it is {} in YAML: put it in quotes"
HEADER = "must be printable ASCII without surrounding white space, as it is sent in a header"
DURATION = "must be a duration such as 30s, 5m, 12h or 90d"
OPEN_TO_ALL = (
    "is reachable from other machines: set api_keys, or set allow_anonymous: true to allow access without a key"
)
*_OTHERS, _LAST = sorted(KINDS)
ONE_OF_THE_KINDS = f"{', '.join(_OTHERS)} or {_LAST}"

BAD_YAML = {
    # what is no YAML, or no mapping
    "web: [": ["config.yaml:1: is not YAML: expected the node content, but found '<stream end>'"],
    "api_keys: [hunter2": ["config.yaml:1: is not YAML: expected ',' or ']', but got '<stream end>'"],
    "a: &x 1\nb: &x 2": ["config.yaml:2: is not YAML: defines an anchor twice"],
    "retention: 1001y": ["config.yaml:1: retention: must be at most 1000y"],
    "a: b: c": ["config.yaml:1: is not YAML: mapping values are not allowed here"],
    "log:\n\tlevel: info": ["config.yaml:2: is not YAML: found character '\\t' that cannot start any token"],
    "windows: *secret": ["config.yaml:1: is not YAML: found undefined alias"],
    "- a": ["config.yaml:1: must be a mapping of keys to values"],
    "text": ["config.yaml:1: must be a mapping of keys to values"],
    "a: 1\n---\nb: 2": ["config.yaml:2: must hold one YAML document, here begins a second one"],
    "log:\n  level: \x07": ["config.yaml:2: holds a character that YAML does not allow"],
    "services: &a {x: *a}": ["config.yaml:1: services.x: must not hold itself"],
    "default_environment: !secret x": [
        "config.yaml:1: default_environment: YAML cannot read this value: put it in quotes"
    ],
    "default_environment: 2026-99-99": [
        "config.yaml:1: default_environment: YAML cannot read this value: put it in quotes"
    ],
    "log:\n  <<: 5": ["config.yaml:2: <<: must name a mapping"],
    # keys
    "retention: 1d\nwindows: [1d]\nretention: 2d": [
        "config.yaml:3: retention: duplicate key, it is in line 1 already",
    ],
    "web:\n  enable_lifecycle: true\n  enable_lifecycle: true": [
        "config.yaml:3: web.enable_lifecycle: duplicate key, it is in line 2 already",
    ],
    "retentoin: 1d": ["config.yaml:1: retentoin: unknown key, did you mean retention?"],
    "nonsense: 1": ["config.yaml:1: nonsense: unknown key"],
    "_case_sensitive: 1": ["config.yaml:1: _case_sensitive: unknown key"],
    "web:\n  listen_adresses: [':1']": [
        "config.yaml:2: web.listen_adresses: unknown key, did you mean listen_addresses?"
    ],
    "services:\n  shop:\n    team: _other": [
        "config.yaml:3: services.shop.team: is reserved for the series beyond the limit"
    ],
    "default_environment: _other": ["config.yaml:1: default_environment: is reserved for the series beyond the limit"],
    "services:\n  shop:\n    tean: a": ["config.yaml:3: services.shop.tean: unknown key, did you mean team?"],
    "NO: 1": ["config.yaml:1: a key must be text, but unquoted it is true or false in YAML: put it in quotes"],
    "services:\n  012: {}": [
        "config.yaml:2: services: a key must be text, but unquoted it is a number in YAML: put it in quotes"
    ],
    "? [a]\n: 1": ["config.yaml:1: a key must be text"],
    "services: {'': {}}": ['config.yaml:1: services."": must not be empty'],
    '"services":\n  "a\\nb": {}': ["config.yaml:2: services.a\\nb: must be printable text"],
    # text that YAML takes for something else
    "default_environment: NO": [f"config.yaml:1: default_environment: {UNQUOTED.format('true or false')}"],
    "default_environment: on": [f"config.yaml:1: default_environment: {UNQUOTED.format('true or false')}"],
    "default_environment: 012": [f"config.yaml:1: default_environment: {UNQUOTED.format('a number')}"],
    "default_environment: 1.10": [f"config.yaml:1: default_environment: {UNQUOTED.format('a number')}"],
    "default_environment: 12:30": [f"config.yaml:1: default_environment: {UNQUOTED.format('a number')}"],
    "default_environment: 2026-01-31": [f"config.yaml:1: default_environment: {UNQUOTED.format('a date')}"],
    "default_environment:": ["config.yaml:1: default_environment: must be text"],
    "services:\n  shop:\n    team: 1.10": [f"config.yaml:3: services.shop.team: {UNQUOTED.format('a number')}"],
    "api_keys:\n  - 0x1F": [f"config.yaml:2: api_keys[0]: {UNQUOTED.format('a number')}"],
    "snapshot: {path: 7}": [f"config.yaml:1: snapshot.path: {UNQUOTED.format('a number')}"],
    # wrong types and values
    "web: [a]": ["config.yaml:1: web: must be a mapping of keys to values"],
    "services: [a]": ["config.yaml:1: services: must be a mapping of names to values"],
    "windows: 7d": ["config.yaml:1: windows: must be a list"],
    "windows: []": ["config.yaml:1: windows: must have at least 1, not 0"],
    "windows: [1d, 2d, 3d, 4d, 5d, 6d, 7d, 8d, 9d, 10d, 11d]": ["config.yaml:1: windows: must have at most 10, not 11"],
    "windows:\n- 7d\n- 1w": ["config.yaml:3: windows[1]: duplicates windows[0]"],
    "windows:\n- 7d\n- 8d\nretention: 6d": ["config.yaml:2: windows[0]: the window 7d is longer than the retention 6d"],
    "\nretention: 60d": ["config.yaml:2: retention: the window 90d is longer than the retention 60d"],
    "windows: [7d, 2 fortnights]": [f"config.yaml:1: windows[1]: {DURATION}"],
    "windows: [soon]": [f"config.yaml:1: windows[0]: {DURATION}"],
    "retention: 400": [f"config.yaml:1: retention: {DURATION}"],
    "retention: 0s": ["config.yaml:1: retention: must be greater than 0"],
    "attribution_limit: soon": [f"config.yaml:1: attribution_limit: {DURATION}"],
    "limits: {series: yes}": ["config.yaml:1: limits.series: must be a whole number"],
    "limits: {series: 1.0}": ["config.yaml:1: limits.series: must be a whole number"],
    "limits: {series: many}": ["config.yaml:1: limits.series: must be a whole number"],
    "limits: {series: 0}": ["config.yaml:1: limits.series: must be at least 1"],
    "web: {max_body_bytes: 9999999999}": ["config.yaml:1: web.max_body_bytes: must be at most 1073741824"],
    "web: {max_body_bytes: true}": ["config.yaml:1: web.max_body_bytes: must be a whole number"],
    'web: {allowed_hosts: ["dora.example:3672"]}': [
        "config.yaml:1: web.allowed_hosts[0]: must be the name or the address of a host, without a port, or * for all"
    ],
    'web: {cors_origins: ["portal.example.com"]}': [
        "config.yaml:1: web.cors_origins[0]: must be an origin such as https://p.example, without a path, or * for all"
    ],
    "allow_anonymous: perhaps": ["config.yaml:1: allow_anonymous: must be true or false"],
    "allow_anonymous: [1]": ["config.yaml:1: allow_anonymous: must be true or false"],
    "snapshot: {durability: maybe}": ["config.yaml:1: snapshot.durability: must be 'fsync' or 'written'"],
    "snapshot: {path: ''}": ["config.yaml:1: snapshot.path: must not be empty"],
    "log: {format: xml}": ["config.yaml:1: log.format: must be 'logfmt' or 'json'"],
    "default_environment: ''": ["config.yaml:1: default_environment: must not be empty"],
    'default_environment: "a\\nb"': ["config.yaml:1: default_environment: must be printable text"],
    "api_keys: ['']": ["config.yaml:1: api_keys[0]: must not be empty"],
    "api_keys: [' a']": [
        f"config.yaml:1: api_keys[0]: {HEADER}",
    ],
    "api_keys:": ["config.yaml:1: api_keys: must be a list"],
    # addresses
    "web: {listen_addresses: [localhost]}": [
        "config.yaml:1: web.listen_addresses[0]: must be host:port, such as 127.0.0.1:3672, [::1]:3672 or :3672"
    ],
    "web: {listen_addresses: ['a:99999']}": [
        "config.yaml:1: web.listen_addresses[0]: must be host:port, such as 127.0.0.1:3672, [::1]:3672 or :3672"
    ],
    "web:\n  listen_addresses:\n  - 127.0.0.1:1\n  - 0.0.0.0:1": [
        f"config.yaml:4: web.listen_addresses[1]: {OPEN_TO_ALL}"
    ],
    "web: {listen_addresses: [':1']}": [f"config.yaml:1: web.listen_addresses[0]: {OPEN_TO_ALL}"],
    "web: {listen_addresses: ['[::]:1']}": [f"config.yaml:1: web.listen_addresses[0]: {OPEN_TO_ALL}"],
    "web: {listen_addresses: ['dora.example:1']}": [f"config.yaml:1: web.listen_addresses[0]: {OPEN_TO_ALL}"],
    "web: {listen_addresses: ['192.0.2.1:1']}": [f"config.yaml:1: web.listen_addresses[0]: {OPEN_TO_ALL}"],
    "web: {listen_addresses: ['127.0.0.1.:1']}": [f"config.yaml:1: web.listen_addresses[0]: {OPEN_TO_ALL}"],
    # sections that other modules define
    "failures:\n  rules:\n  - name: x\n    match: [title]\n    pattern: (": [
        "config.yaml:5: failures.rules[0].pattern: of the rule x is not a valid regular expression: missing ): ("
    ],
    "failures:\n  rules:\n  - name: x\n    match: [titel]": [
        "config.yaml:3: failures.rules[0].pattern: is missing",
        "config.yaml:4: failures.rules[0].match[0]: must be 'version', 'subject', 'title', 'branch', 'label' or 'tag'",
    ],
    "groups:\n  retail:\n    parent: shop\n  shop:\n    parent: retail": [
        "config.yaml:3: groups.retail.parent: a group cannot be within itself: retail -> shop -> retail"
    ],
    "groups:\n  shop:\n    parent: shop": [
        "config.yaml:3: groups.shop.parent: a group cannot be within itself: shop -> shop"
    ],
    "groups:\n  a: {parent: x}\n  x: {parent: y}\n  y: {parent: x}": [
        "config.yaml:3: groups.x.parent: a group cannot be within itself: x -> y -> x"
    ],
    "groups:\n  a:\n  b: {parent: a}": ["config.yaml:2: groups.a: must be a mapping of keys to values"],
    "groups:\n  a: {}\n  b: {parent: a}\n  c: {parent: b}\n  d: {parent: c}\n  e: {parent: d}": [
        "config.yaml:6: groups.e.parent: is more than 4 levels deep: e -> d -> c -> b -> a"
    ],
    "groups:\n  shop: {}\n  front:\n    parent: shp": [
        "config.yaml:4: groups.front.parent: shp is not one of groups, did you mean shop?"
    ],
    "groups:\n  shop: {}\n  shop: {}": ["config.yaml:3: groups.shop: duplicate key, it is in line 2 already"],
    "groups: {_other: {}}": ["config.yaml:1: groups._other: is reserved for the series beyond the limit"],
    "groups:\n  a:\n    services: [cart]\n  b:\n    services:\n    - till\n    - cart": [
        "config.yaml:7: groups.b.services[1]: cart is in the group a, it cannot be in b, too"
    ],
    "services:\n  cart: {aliases: [basket], group: a}\ngroups:\n  b:\n    services: [basket]": [
        "config.yaml:5: groups.b.services[0]: cart is in the group a, it cannot be in b, too"
    ],
    "groups:\n  a: {teams: [crew]}\n  b: {teams: [crew]}": [
        "config.yaml:3: groups.b.teams[0]: crew is in the group a, it cannot be in b, too"
    ],
    "dimensions: [a, b, c, d]": ["config.yaml:1: dimensions: must have at most 3, not 4"],
    "dimensions:\n- tier\n- customer\n- tier": ["config.yaml:4: dimensions[2]: duplicates dimensions[0]"],
    "dimensions: ['tier:gold']": [
        "config.yaml:1: dimensions[0]: must be the name of a tag, which is what comes before the colon"
    ],
    "limits: {values: 0}": ["config.yaml:1: limits.values: must be at least 1"],
    "incidents:\n  severities:\n    SEV-0: 0": ["config.yaml:3: incidents.severities.SEV-0: must be at least 1"],
    "incidents:\n  severities:\n    SEV-6: 6": ["config.yaml:3: incidents.severities.SEV-6: must be at most 5"],
    "incidents:\n  severities:\n    high: 1\n    High: 2": [
        "config.yaml:4: incidents.severities.High: is the same spelling as high, with another severity"
    ],
    "incidents: {severities: {'': 1}}": ['config.yaml:1: incidents.severities."": must not be empty'],
    "incidents:\n  severities: {minor: 1}\n  counted_severities:\n  - 1\n  - mino": [
        "config.yaml:5: incidents.counted_severities[1]: mino is not one of incidents.severities, did you mean minor?"
    ],
    "incidents: {counted_severities: [7]}": [
        "config.yaml:1: incidents.counted_severities[0]: must be a severity from 1 to 5, or a spelling of one"
    ],
    "incidents: {reopened_within: soon}": [f"config.yaml:1: incidents.reopened_within: {DURATION}"],
    "sources: {pd: {token: x}}": [f"config.yaml:1: sources.pd.kind: is missing, it must be {ONE_OF_THE_KINDS}"],
    "sources: {pd: {kind: pagerdutty}}": [
        f"config.yaml:1: sources.pd.kind: must be {ONE_OF_THE_KINDS}, did you mean pagerduty?"
    ],
    "sources: {pd: {kind: }}": [f"config.yaml:1: sources.pd.kind: must be {ONE_OF_THE_KINDS}"],
    "sources: {pd: {kind: pagerduty, token:hunter2}}": [
        "config.yaml:1: sources.pd.token: unknown key, is the space after the colon missing?"
    ],
    "sources: {api: {kind: pagerduty}}": ["config.yaml:1: sources.api: is the name of what is sent to the API"],
    "sources: {-x: {kind: pagerduty}}": [
        "config.yaml:1: sources.-x: must be letters, digits, dots, dashes and underscores"
    ],
    "store: {url: 'mysql://user:hunter2@host/dora'}": [
        "config.yaml:1: store.url: must be a URL such as postgresql://user@host:5432/database"
    ],
    "sources: {p: {kind: prometheus, url: 'ftp://user@host'}}": [
        "config.yaml:1: sources.p.url: must begin with http:// or https://, and hold no user or password"
    ],
    "levels: {edition: 2024}": [
        (
            "config.yaml:1: levels.edition: must be '2019', '2021', '2022', '2023' or '2024', in quotes: "
            "without them it is a number in YAML"
        )
    ],
    # secret files
    "api_keys: [a]\napi_keys_file: keys": ["config.yaml:2: api_keys and api_keys_file exclude each other"],
    "read_keys_file: nowhere": ["config.yaml:1: read_keys_file: nowhere: no such file"],
    "api_keys_file: .": ["config.yaml:1: api_keys_file: .: is a folder, not a file"],
    "api_keys_file: empty\nweb: {listen_addresses: [':1']}": ["config.yaml:1: api_keys_file: empty: is empty"],
    "api_keys_file: bad": [f"bad:3: api_keys[1]: {HEADER}"],
}


@pytest.mark.parametrize(("yaml", "lines"), BAD_YAML.items(), ids=[ascii(each) for each in BAD_YAML])
def test_a_mistake_in_the_file_is_one_clear_line(tmp_path: Path, yaml: str, lines: list[str]) -> None:
    (tmp_path / "empty").write_text("\n \n")
    (tmp_path / "bad").write_text("good\n\nk\u00e9y\n")
    assert [line.replace(f"{tmp_path}", ".") for line in mistakes_of(tmp_path, yaml)] == lines


BAD_VARIABLES = {
    ("DORA_WINDOW", "[]"): "environment variable DORA_WINDOW: is unknown, did you mean DORA_WINDOWS?",
    ("DORA_LOG_LEVEL", "info"): "environment variable DORA_LOG_LEVEL: is unknown, did you mean DORA_LOG__LEVEL?",
    ("DORA_WINDOWS__0", "1d"): "environment variable DORA_WINDOWS__0: is unknown, did you mean DORA_WINDOWS?",
    ("DORA_QQ", ""): "environment variable DORA_QQ: is unknown",
    ("DORA_SOURCES__X__KIND", "hunter2"): (
        f"environment variable DORA_SOURCES__X__KIND: sources.x.kind: must be {ONE_OF_THE_KINDS}"
    ),
    ("DORA_LOG__LEVEL", "loud"): (
        "environment variable DORA_LOG__LEVEL: log.level: must be 'debug', 'info', 'warn' or 'error'"
    ),
    (
        "DORA_WINDOWS",
        "7d",
    ): 'environment variable DORA_WINDOWS: windows: must be a list in JSON, such as ["one", "two"]',
    (
        "DORA_API_KEYS",
        "",
    ): 'environment variable DORA_API_KEYS: api_keys: must be a list in JSON, such as ["one", "two"]',
    ("DORA_API_KEYS", "[1]"): "environment variable DORA_API_KEYS: api_keys[0]: must be text",
    ("DORA_WEB", "x"): (
        'environment variable DORA_WEB: web: must be a mapping of keys to values in JSON, such as {"key": "value"}'
    ),
    ("DORA_WEB", '{"port": 1}'): "environment variable DORA_WEB: web.port: unknown key",
    ("DORA_LIMITS__SERIES", "x"): "environment variable DORA_LIMITS__SERIES: limits.series: must be a whole number",
    ("DORA_SERVICES__SHOP__TEAN", "a"): (
        "environment variable DORA_SERVICES__SHOP__TEAN: services.shop.tean: unknown key, did you mean team?"
    ),
    ("DORA_API_KEYS_FILE", "/nowhere/keys"): (
        "environment variable DORA_API_KEYS_FILE: api_keys_file: /nowhere/keys: no such file"
    ),
    ("DORA_WEB__LISTEN_ADDRESSES", '[":1"]'): (
        f"environment variable DORA_WEB__LISTEN_ADDRESSES: web.listen_addresses[0]: {OPEN_TO_ALL}"
    ),
}


@pytest.mark.parametrize(("variable", "line"), BAD_VARIABLES.items(), ids=[each[0] for each in BAD_VARIABLES])
def test_a_mistake_in_the_environment_is_one_clear_line(tmp_path: Path, variable: tuple[str, str], line: str) -> None:
    assert mistakes_of(tmp_path, variables=dict([variable])) == [line]


BAD_SECRETS = {
    ("DORA_API_KEYS", ""): "secrets/DORA_API_KEYS: is empty",
    ("DORA_API_KEY", "a"): "secrets/DORA_API_KEY: is unknown, did you mean DORA_API_KEYS?",
    ("DORA_RETENTION", "x"): f"secrets/DORA_RETENTION: retention: {DURATION}",
    ("DORA_API_KEYS", "k\u00e9y"): (f"secrets/DORA_API_KEYS: api_keys[0]: {HEADER}"),
}


@pytest.mark.parametrize(("secret", "line"), BAD_SECRETS.items(), ids=[each[0] for each in BAD_SECRETS])
def test_a_mistake_in_the_secrets_folder_is_one_clear_line(tmp_path: Path, secret: tuple[str, str], line: str) -> None:
    assert mistakes_of(tmp_path, secrets=dict([secret])) == [line]


def test_all_mistakes_are_listed_in_the_order_of_their_lines(tmp_path: Path) -> None:
    flags = [Flag("--web.listen-address", ("web", "listen_addresses"), ["nowhere"])]
    yaml = "windows: 1\nretention: 1\nretention: 2\nmistaken: 3\n"
    assert mistakes_of(tmp_path, yaml, flags=flags, variables={"DORA_X": "1"}) == [
        "--web.listen-address: web.listen_addresses[0]: must be host:port, such as 127.0.0.1:3672, [::1]:3672 or :3672",
        "config.yaml:1: windows: must be a list",
        "config.yaml:3: retention: duplicate key, it is in line 2 already",
        f"config.yaml:3: retention: {DURATION}",
        "config.yaml:4: mistaken: unknown key",
        "environment variable DORA_X: is unknown",
    ]


def test_a_file_that_cannot_be_read_is_told_with_the_mistakes_elsewhere(tmp_path: Path) -> None:
    flags = [Flag("--web.listen-address", ("web", "listen_addresses"), [":1"])]
    with pytest.raises(ConfigError) as caught:
        load(file=tmp_path / "x.yaml", flags=flags, variables={"DORA_X": "1"}, secrets_folder=tmp_path / "y")
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/x.yaml: no such file",
        f"{tmp_path}/y: the secrets folder cannot be read: No such file or directory",
        "environment variable DORA_X: is unknown",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"a: \xff", "config.yaml: is not UTF-8 text"), (b"[" * 5000, "config.yaml: is nested too deeply")],
)
def test_hostile_bytes_are_a_line_too(tmp_path: Path, content: bytes, reason: str) -> None:
    assert mistakes_of(tmp_path, content) == [reason]


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, not a file"):
        load(file=tmp_path, flags=[], variables={}, secrets_folder=None)


@pytest.mark.parametrize(
    "yaml",
    [
        "web: {listen_addresses: ['127.9.9.9:1', 'localhost:2', '[::1]:3', 'LOCALHOST.:65535']}",
        "web: {listen_addresses: ['0.0.0.0:1']}\nallow_anonymous: true",
        "web: {listen_addresses: ['0.0.0.0:1']}\napi_keys: [k]",
        "web: {listen_addresses: ['0.0.0.0:1']}\nread_keys: [k]",
        "web:\nlog:\nservices:\n",
        "",
        "# nothing",
        "base: &base {team: a}\n".replace("base: ", "services: {x: ").replace("}\n", "}, y: {<<: *base}}\n"),
    ],
)
def test_what_is_good_is_taken(tmp_path: Path, yaml: str) -> None:
    settings_of(tmp_path, yaml)


def test_a_key_and_its_file_exclude_each_other_in_the_environment_too(tmp_path: Path) -> None:
    assert mistakes_of(tmp_path, variables={"DORA_API_KEYS": '["a"]', "DORA_API_KEYS_FILE": "keys"}) == [
        "environment variable DORA_API_KEYS_FILE: api_keys and api_keys_file exclude each other"
    ]


def test_files_of_others_in_the_secrets_folder_are_ignored(tmp_path: Path) -> None:
    settings_of(tmp_path, secrets={"..data": "", "token": "x", "PASSWORD": ""})


def test_what_kubernetes_injects_for_a_service_of_our_name_is_ignored(tmp_path: Path) -> None:
    settings_of(tmp_path, variables={"DORA_EXPORTER_PORT": "tcp://10.0.0.1:3672", "DORA_EXPORTER_SERVICE_HOST": "x"})


def test_the_variables_of_the_send_command_are_no_settings(tmp_path: Path) -> None:
    settings_of(tmp_path, variables={"DORA_SEND_URL": "http://127.0.0.1:3672", "DORA_SEND_API_KEY": "sesame"})


@pytest.mark.parametrize("address", ["0.0.0.0:3672", ":3672", "dora.example:1"])
def test_keys_cannot_go_while_strangers_are_listened_to(tmp_path: Path, address: str) -> None:
    without, opened = settings_of(tmp_path, "retention: 1y"), settings_of(tmp_path, "allow_anonymous: true")
    with pytest.raises(ConfigError, match=f"api_keys: a key is required until .* listens on {address}"):
        check_doors(without, ["127.0.0.1:3672", address], has_keys=False)
    check_doors(without, ["127.0.0.1:3672", "[::1]:0"], has_keys=False)
    check_doors(opened, [address], has_keys=False)
    check_doors(settings_of(tmp_path, "read_keys: [reader]"), [address], has_keys=False)


def test_the_last_key_cannot_go_unless_that_is_said(tmp_path: Path) -> None:
    loopback = ["127.0.0.1:3672"]
    with pytest.raises(ConfigError, match="api_keys: a reload does not remove the last key"):
        check_doors(settings_of(tmp_path, "retention: 1y"), loopback, has_keys=True)
    check_doors(settings_of(tmp_path, "read_keys: [reader]"), loopback, has_keys=True)
    check_doors(settings_of(tmp_path, "allow_anonymous: true"), loopback, has_keys=True)


SOURCES_WITHOUT_SECRETS = {
    "pd: {kind: pagerduty, token: ''}": "token",
    "pd: {kind: pagerduty, webhook_secrets: ['']}": "webhook_secrets[0]",
    'pd: {kind: pagerduty, webhook_secrets: [s3cret, " "]}': "webhook_secrets[1]",
    "dd: {kind: datadog_apm, api_key: ' ', app_key: k}": "api_key",
    "p: {kind: prometheus, url: 'http://p', bearer_token: ''}": "bearer_token",
    "p: {kind: prometheus, url: 'http://p', basic_auth: {username: u, password: \"\\n\"}}": "basic_auth.password",
}


@pytest.mark.parametrize(("source", "key"), SOURCES_WITHOUT_SECRETS.items())
def test_an_empty_secret_of_a_source_is_a_mistake(tmp_path: Path, source: str, key: str) -> None:
    name = source.partition(":")[0]
    lines = mistakes_of(tmp_path, f"sources:\n  {source}")
    assert lines == [f"config.yaml:2: sources.{name}.{key}: must not be empty"]


def test_an_empty_secret_is_a_mistake_wherever_it_is_given(tmp_path: Path) -> None:
    yaml = "repositories: {r: {url: 'https://h/r', token: ''}}\npull_requests: {p: {kind: github, token: ' '}}"
    variables = {"DORA_SOURCES__pd__KIND": "pagerduty", "DORA_SOURCES__pd__TOKEN": " "}
    assert mistakes_of(tmp_path, yaml, variables=variables) == [
        "config.yaml:1: repositories.r.token: must not be empty",
        "config.yaml:2: pull_requests.p.token: must not be empty",
        "environment variable DORA_SOURCES__pd__TOKEN: sources.pd.token: must not be empty",
    ]


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf\n"])
def test_the_check_finds_a_secret_file_that_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    (tmp_path / "config.yaml").write_text("sources: {pd: {kind: pagerduty, token_file: token}}")
    with pytest.raises(ConfigError, match=r"config.yaml:1: sources.pd.token_file: the file is empty"):
        load(file=tmp_path / "config.yaml", flags=[], variables={}, secrets_folder=None, files_too=True)


@pytest.mark.parametrize("yaml", ["", "\n", "# nothing", "web:\n"])
def test_a_file_that_says_nothing_is_a_mistake_where_it_said_something(tmp_path: Path, yaml: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml)
    has_keys = yaml == "web:\n"
    assert says_something(file) is has_keys
    load(file=file, flags=[], variables={}, secrets_folder=None)
    if not has_keys:
        with pytest.raises(ConfigError, match=r"config.yaml:1: is empty, but contained settings at startup"):
            load(file=file, flags=[], variables={}, secrets_folder=None, blank_too=False)


def test_a_symlink_that_leads_to_itself_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError) as caught:
        load(file=tmp_path / "loop", flags=[], variables={}, secrets_folder=tmp_path / "loop")
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "loop: the secrets folder cannot be read: Too many levels of symbolic links",
        "loop: cannot be read: Too many levels of symbolic links",
    ]


TIERS = "must be 'production', 'staging', 'testing', 'development' or 'other'"
NAMES = {
    "services:\n  a: {aliases: [x]}\n  b:\n    aliases: [y, x]": [
        "config.yaml:4: services.b.aliases[1]: x is an alias of a, too"
    ],
    "environments:\n  a: {aliases: [x, x]}": ["config.yaml:2: environments.a.aliases[1]: x stands here twice"],
    "environments:\n  a: {aliases: ['p-*']}\n  b: {aliases: ['p-*']}": [
        "config.yaml:3: environments.b.aliases[0]: p-* is an alias of a, too"
    ],
    "services:\n  a: {aliases: [b]}\n  b: {team: t}": [
        "config.yaml:2: services.a.aliases[0]: b is a name of its own: an alias of a cannot be the key of another entry"
    ],
    "services:\n  a: {aliases: [a]}": ["config.yaml:2: services.a.aliases[0]: a is the name itself"],
    "services:\n  a: {aliases: [b]}\n  b: {aliases: [c]}\n  c: {aliases: [a]}": [
        "config.yaml:2: services.a.aliases[0]: is a cycle of names: a -> b -> c -> a"
    ],
    "services:\n  a: {aliases: [b]}\n  b: {aliases: [a]}": [
        "config.yaml:2: services.a.aliases[0]: is a cycle of names: a -> b -> a"
    ],
    "services:\n  a: {aliases: ['*']}": [
        "config.yaml:2: services.a.aliases[0]: * of a matches every name: make it more specific"
    ],
    "services:\n  a: {aliases: ['?*'], name: '\\1'}": [
        "config.yaml:2: services.a.aliases[0]: ?* of a matches every name: make it more specific"
    ],
    "services:\n  a: {aliases: [b-svc], name: '\\1'}": [
        "config.yaml:2: services.a.aliases[0]: b-svc has no wildcard that \\1 could be made from"
    ],
    "services:\n  a: {aliases: ['*-svc'], name: '\\2'}": [
        "config.yaml:2: services.a.aliases[0]: *-svc has fewer wildcards than \\2 names"
    ],
    "services:\n  a: {aliases: ['*-svc'], name: b}": [
        "config.yaml:2: services.a.name: must name a wildcard of the aliases, as \\1: a plain name is the entry's key"
    ],
    "services:\n  a: {aliases: ['*-svc'], name: '\\1', team: t}": [
        "config.yaml:2: services.a.team: cannot be set for a family, whose name is \\1"
    ],
    "services:\n  a: {aliases: ['*-a'], name: '\\1-b'}\n  b: {aliases: ['*-b'], name: '\\1-a'}": [
        "config.yaml:2: services.a.aliases[0]: is a cycle of names: what a makes of *-a is an alias of b"
    ],
    "services:\n  a: {aliases: ['a*'], name: 'aa\\1'}": [
        "config.yaml:2: services.a.aliases[0]: is a cycle of names: what a makes of a* is an alias of a again"
    ],
    "services:\n  a: {aliases: [_other]}": [
        "config.yaml:2: services.a.aliases[0]: is reserved for the series beyond the limit"
    ],
    "services:\n  _other: {}": ["config.yaml:2: services._other: is reserved for the series beyond the limit"],
    "environments:\n  a: {tier: prod}": [f"config.yaml:2: environments.a.tier: {TIERS}"],
    "failures:\n  rollback: {tiers: [prod]}": [f"config.yaml:2: failures.rollback.tiers[0]: {TIERS}"],
    "environments:\n  a: {links: {}}": ["config.yaml:2: environments.a.links: unknown key"],
    "services:\n  a: {links: {runbook: 'javascript:alert(1)'}}": [
        "config.yaml:2: services.a.links.runbook: must begin with http:// or https://, and hold no user or password"
    ],
}


@pytest.mark.parametrize(("yaml", "lines"), NAMES.items())
def test_names_that_contradict_each_other_are_a_mistake_with_line_and_both_names(
    tmp_path: Path, yaml: str, lines: list[str]
) -> None:
    assert mistakes_of(tmp_path, yaml) == lines


def test_names_that_are_clear_are_no_mistake(tmp_path: Path) -> None:
    yaml = """
    services:
      checkout: {aliases: [till, "check-*", "*-v?"], team: t, group: g, title: T, links: {runbook: "https://w/x"}}
      suffixes: {aliases: ["*-svc", "*.svc-*"], name: '\\1'}
      round: {aliases: ["*/*"], name: '\\2-\\1'}
    environments:
      checkout: {aliases: [till], tier: other}
      pr: {aliases: ["pr-*"], ignore: true}
    """
    assert settings_of(tmp_path, yaml).services["suffixes"].name == "\\1"
