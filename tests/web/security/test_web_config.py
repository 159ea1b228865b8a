"""What a web configuration file says, what is wrong with it, and what promtool thinks of it."""

import subprocess
from pathlib import Path

import pytest
import trustme
from tests.e2e.programs import program
from tests.web.security.certificates import BCRYPT, issue, write

from dora_exporter.config.errors import ConfigError
from dora_exporter.web.security.web_config import RateLimit, WebConfig, load

TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key, "


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the server's certificate."""
    return trustme.CA()


@pytest.fixture
def certified(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with the certificate and the key that ``TLS`` names, and with their authority."""
    issue(authority, tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return tmp_path


def mistakes(folder: Path, text: str) -> list[str]:
    """The lines that are shown for such a file, without its path; none when it is good."""
    path = write(folder, text)
    try:
        load(path)
    except ConfigError as error:
        return [line.removeprefix(f"{path}:") for line in str(error).splitlines()]
    return []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "basic_auth_users:\nhttp_server_config:\nrate_limit:\ntls_server_config:\n",
        "basic_auth_users: {}\ntls_server_config: {}\n",
    ],
)
def test_a_file_that_says_nothing_protects_nothing(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text)) == WebConfig()


def test_users_with_their_hashes(tmp_path: Path) -> None:
    path = write(tmp_path, f"basic_auth_users: {{alice: {BCRYPT}, 'bob ü': {BCRYPT.replace('2b', '2y')}}}")

    assert load(path).users == {"alice": BCRYPT, "bob ü": BCRYPT.replace("2b", "2y")}


def test_headers(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        http_server_config:
          headers:
            Content-Security-Policy: default-src 'self'
            X-Frame-Options: deny
            X-Content-Type-Options: nosniff
            X-XSS-Protection: ""
            Strict-Transport-Security: max-age=31536000
        """,
    )

    assert load(path).headers == {
        "Content-Security-Policy": "default-src 'self'",
        "X-Frame-Options": "deny",
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": "max-age=31536000",
    }


@pytest.mark.parametrize("http2", ["true", "false"])
def test_http2_may_be_offered_but_is_not(tmp_path: Path, http2: str) -> None:
    assert load(write(tmp_path, f"http_server_config: {{http2: {http2}}}")) == WebConfig()


@pytest.mark.parametrize(
    ("interval", "seconds"), [("1s", 1), ("250ms", 0.25), ("1m30s", 90), ("1.5h", 5400), ("2us", 2e-6)]
)
def test_a_rate_limit(tmp_path: Path, interval: str, seconds: float) -> None:
    limit = load(write(tmp_path, f"rate_limit: {{interval: {interval}, burst: 7}}")).rate_limit

    assert limit == RateLimit(seconds, 7)


@pytest.mark.parametrize(
    "text", ["rate_limit: {interval: 0, burst: 3}", "rate_limit: {interval: 0s}", "rate_limit: {burst: 3}"]
)
def test_no_interval_is_no_rate_limit(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text)).rate_limit is None


def test_names_of_clients(certified: Path) -> None:
    path = write(
        certified,
        f"{TLS} client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [a, b]}}",
    )

    assert load(path).client_allowed_sans == frozenset({"a", "b"})


def test_the_hashes_do_not_show(tmp_path: Path) -> None:
    assert BCRYPT not in repr(load(write(tmp_path, f"basic_auth_users: {{alice: {BCRYPT}}}")))


_TLS = "1: tls_server_config"
_HEADERS = "1: http_server_config.headers"
_ONE_CURVE = "must be one of CurveP256, CurveP384, CurveP521, X25519: this server offers one"
_NO_EFFECT = "has no effect without client_auth_type: RequireAndVerifyClientCert"
_NO_AUTHORITY = "client_ca_file must be given: client certificates are verified against it"
_EITHER_CERT = "tls_server_config: either cert_file or cert must be given"
_EITHER_KEY = "tls_server_config: either key_file or key must be given"
_HASH = "must be a password hashed with bcrypt, such as `htpasswd -nBC 10 ''` prints"
_DURATION = "rate_limit.interval: must be a duration such as 100ms, 1s or 1m30s"
_UNVERIFIED = "accepts unverified client certificates: use RequireAndVerifyClientCert"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tls_server_conf: {}", ["1: tls_server_conf: unknown key, did you mean tls_server_config?"]),
        ("rate_limit: {}\nrate_limit: {}", ["2: rate_limit: duplicate key, it is in line 1 already"]),
        ("[1]", ["1: must be a mapping of keys to values"]),
        ("a: b: c", ["1: is not YAML: mapping values are not allowed here"]),
        ("basic_auth_users: false", ["1: basic_auth_users: must be a mapping of names to values"]),
        ("basic_auth_users: ''", ["1: basic_auth_users: must be a mapping of names to values"]),
        ("rate_limit: 0", ["1: rate_limit: must be a mapping of keys to values"]),
        ("tls_server_config: false", ["1: tls_server_config: must be a mapping of keys to values"]),
        ("basic_auth_users:\n  alice: secret-word", [f"2: basic_auth_users.alice: {_HASH}"]),
        ("basic_auth_users:\n  alice:", ["2: basic_auth_users.alice: must be text"]),
        ("basic_auth_users:\n  a:\n  b: x", ["2: basic_auth_users.a: must be text", f"3: basic_auth_users.b: {_HASH}"]),
        (
            f"basic_auth_users:\n  alice: {BCRYPT.replace('$04$', '$16$')}",
            ["2: basic_auth_users.alice: takes seconds to check: hash it with a cost of at most 15"],
        ),
        (
            f"basic_auth_users:\n  'a:b': {BCRYPT}",
            ["2: basic_auth_users.a:b: a user name with a colon cannot log in"],
        ),
        ("http_server_config: {http3: true}", ["1: http_server_config.http3: unknown key, did you mean http2?"]),
        ("http_server_config: {http2: 7}", ["1: http_server_config.http2: must be true or false"]),
        ("http_server_config: {headers: {Server: x}}", [f"{_HEADERS}.Server: unknown key"]),
        (
            "http_server_config: {headers: {content-security-policy: x}}",
            [f"{_HEADERS}.content-security-policy: unknown key, did you mean Content-Security-Policy?"],
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: ALLOW}}",
            [f"{_HEADERS}.X-Frame-Options: must be 'deny', 'sameorigin' or ''"],
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "1\\r\\nSet-Cookie: x"}}',
            [f"{_HEADERS}.X-XSS-Protection: must be printable ASCII text"],
        ),
        ("rate_limit: {interval: 5, burst: 1}", [f"1: {_DURATION}"]),
        ("rate_limit: {interval: -1s, burst: 1}", [f"1: {_DURATION}"]),
        ("rate_limit: {interval: 1d, burst: 1}", [f"1: {_DURATION}"]),
        ("rate_limit: {interval: false, burst: 1}", [f"1: {_DURATION}"]),
        ("rate_limit: {interval: 1s, burst: 1.5}", ["1: rate_limit.burst: must be a whole number"]),
        ("rate_limit: {interval: 1s, burst: -1}", ["1: rate_limit.burst: must be at least 0"]),
        ("rate_limit: {interval: 1s}", ["1: rate_limit: burst must be at least 1, or every request is refused"]),
        (f"rate_limit: {{interval: {'9' * 400}h, burst: 1}}", [f"1: {_DURATION}"]),
        (
            "tls_server_config: {min_version: TLS12}",
            [f"1: {_EITHER_CERT}", f"1: {_EITHER_KEY}"],
        ),
        (f"{TLS} cert: x}}", [f"{_TLS}.cert_file: either cert_file or cert must be given, not both"]),
        (f"{TLS} key: x}}", [f"{_TLS}.key_file: either key_file or key must be given, not both"]),
        (f"{TLS} certfile: x}}", [f"{_TLS}.certfile: unknown key, did you mean cert_file?"]),
        (
            "tls_server_config:\n  cert_file: 1.10\n  key_file: x",
            ["2: tls_server_config.cert_file: must be text, but unquoted it is a number in YAML: put it in quotes"],
        ),
        (f"{TLS} min_version: TLS10}}", [f"{_TLS}.min_version: must be 'TLS12' or 'TLS13'"]),
        (f"{TLS} max_version: TLS11}}", [f"{_TLS}.max_version: must be 'TLS12' or 'TLS13'"]),
        (
            f"{TLS} min_version: TLS13, max_version: TLS12}}",
            [f"{_TLS}.max_version: must not be older than min_version"],
        ),
        *(
            (
                f"{TLS} client_ca_file: ca.crt, client_auth_type: {kind}}}",
                [f"{_TLS}.client_auth_type: {_UNVERIFIED}"],
            )
            for kind in ("RequestClientCert", "RequireClientCert", "RequireAnyClientCert")
        ),
        (
            f"{TLS} client_auth_type: Perhaps}}",
            [f"{_TLS}.client_auth_type: must be NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert"],
        ),
        (
            f"{TLS} client_auth_type: RequireAndVerifyClientCert}}",
            [f"{_TLS}: {_NO_AUTHORITY}"],
        ),
        (
            f"{TLS} client_ca_file: ca.crt}}",
            [f"{_TLS}.client_ca_file: {_NO_EFFECT}"],
        ),
        (
            f"{TLS} client_ca: x, client_ca_file: ca.crt, client_auth_type: VerifyClientCertIfGiven}}",
            [f"{_TLS}.client_ca_file: either client_ca_file or client_ca must be given, not both"],
        ),
        (
            f"{TLS} client_ca_file: ca.crt, client_auth_type: VerifyClientCertIfGiven, client_allowed_sans: [a]}}",
            [f"{_TLS}.client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert"],
        ),
        (
            f"{TLS} client_allowed_sans: [a]}}",
            [f"{_TLS}.client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert"],
        ),
        (
            f"{TLS} curve_preferences: [X25519, CurveP256]}}",
            [f"{_TLS}.curve_preferences: {_ONE_CURVE}"],
        ),
    ],
)
def test_mistakes_are_shown_with_their_lines(certified: Path, text: str, shown: list[str]) -> None:
    assert mistakes(certified, text) == shown


def test_an_unknown_cipher_suite_is_refused_with_the_known_ones(certified: Path) -> None:
    (shown,) = mistakes(certified, f"{TLS} cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}")

    assert shown.startswith(f"{_TLS}.cipher_suites: has an unknown suite: it takes TLS_")
    assert "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" in shown


def test_no_mistake_repeats_a_secret(certified: Path) -> None:
    shown = mistakes(
        certified,
        "basic_auth_users: {a: hunter2}\ntls_server_config: {cert: hunter2, key: [hunter2], client_auth_type: hunter2}",
    )

    assert len(shown) == 3
    assert "hunter2" not in "".join(shown)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "web.yml")

    assert str(raised.value) == f"{tmp_path / 'web.yml'}: no such file"


def promtool_accepts(path: Path) -> bool:
    command = [program("promtool"), "check", "web-config", str(path)]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


@pytest.mark.e2e
@pytest.mark.parametrize(
    "text",
    [
        "",
        f"basic_auth_users: {{alice: {BCRYPT}}}",
        f"{TLS} client_auth_type: NoClientCert, min_version: TLS12, max_version: TLS13}}",
        f"{TLS} client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt}}",
        f"{TLS} client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt}}",
        f"{TLS} cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], prefer_server_cipher_suites: false}}",
        f"{TLS} curve_preferences: [CurveP384]}}",
        f"{TLS} curve_preferences: [X25519]}}",
        "http_server_config: {http2: false, headers: {X-Frame-Options: sameorigin, X-Content-Type-Options: nosniff}}",
        "http_server_config: {headers: {Content-Security-Policy: a, X-XSS-Protection: b}}",
    ],
)
def test_promtool_accepts_what_we_accept(certified: Path, text: str) -> None:
    assert mistakes(certified, text) == []
    assert promtool_accepts(certified / "web.yml")


@pytest.mark.e2e
@pytest.mark.parametrize(
    "text",
    [
        "basic_auth_users: {alice: secret}",
        "basic_auth_users: {alice: }",
        "tls_server_config: {cert_file: server.crt}",
        f"{TLS} client_ca_file: ca.crt}}",
        f"{TLS} min_version: TLS9}}",
        f"{TLS} cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}",
        f"{TLS} curve_preferences: [CurveP1]}}",
        "http_server_config: {headers: {X-Frame-Options: ALLOW}}",
        "http_server_config: {headers: {Server: x}}",
        "web: {}",
    ],
)
def test_what_promtool_refuses_we_refuse(certified: Path, text: str) -> None:
    assert mistakes(certified, text)
    assert not promtool_accepts(certified / "web.yml")
