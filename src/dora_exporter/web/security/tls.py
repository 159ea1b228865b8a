"""TLS of the HTTP server, as exporter-toolkit's ``tls_server_config`` says it."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core.core_schema import ValidationInfo

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_SUITES: Mapping[str, str] = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
_SUITES_OF_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_VERIFIED = {"VerifyClientCertIfGiven": ssl.CERT_OPTIONAL, "RequireAndVerifyClientCert": ssl.CERT_REQUIRED}
_COMPLAINTS = {
    "KEY_VALUES_MISMATCH": ("key", "does not belong to the certificate"),
    "KEY_TYPE_MISMATCH": ("key", "does not belong to the certificate"),
    "EE_KEY_TOO_SMALL": ("cert", "has a key that is too short for this machine's OpenSSL"),
    "CA_MD_TOO_WEAK": ("cert", "has a signature that is too weak for this machine's OpenSSL"),
}
_NO_CERTIFICATE = "holds no certificate in PEM"
_MEMORY = Path("/dev") / "shm"
"""A folder in memory, where there is one: a key must not be left on a disk."""
_UNVERIFIED = ("RequestClientCert", "RequireClientCert", "RequireAnyClientCert")


Reason = tuple[str, str]


class TlsSettings(BaseModel):
    """The keys of ``tls_server_config``. TLS 1.3's cipher suites are always on, as they are in Go."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    cert: str | None = None
    cert_file: Path | None = Field(default=None, validate_default=True)
    key: SecretStr | None = None
    key_file: Path | None = Field(default=None, validate_default=True)
    client_auth_type: str = "NoClientCert"
    client_ca: str | None = None
    client_ca_file: Path | None = Field(default=None, validate_default=True)
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    @field_validator("cert_file", "key_file")
    @classmethod
    def _one_of_both(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        name = str(info.field_name).removesuffix("_file")
        if name in info.data and (file is None) == (info.data[name] is None):
            raise ValueError(f"either {name}_file or {name} must be given" + (", not both" if file else ""))
        return file

    @field_validator("client_auth_type")
    @classmethod
    def _verified(cls, kind: str) -> str:
        if kind in _UNVERIFIED:
            raise ValueError("accepts unverified client certificates: use RequireAndVerifyClientCert")
        if kind not in {"NoClientCert", *_VERIFIED}:
            raise ValueError(f"must be NoClientCert, {' or '.join(_VERIFIED)}")
        return kind

    @field_validator("client_ca_file")
    @classmethod
    def _authorities_for_verification(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        kind, inline = info.data.get("client_auth_type"), info.data.get("client_ca")
        if file and inline:
            raise ValueError("either client_ca_file or client_ca must be given, not both")
        if (file or inline) and kind == "NoClientCert":
            raise ValueError("has no effect without client_auth_type: RequireAndVerifyClientCert")
        if kind in _VERIFIED and not (file or inline):
            raise ValueError("client_ca_file must be given: client certificates are verified against it")
        return file

    @field_validator("client_allowed_sans")
    @classmethod
    def _at_least_one_name(cls, names: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if names is not None and info.data.get("client_auth_type") in {"NoClientCert", "VerifyClientCertIfGiven"}:
            raise ValueError("needs client_auth_type: RequireAndVerifyClientCert")
        return names

    @field_validator("max_version")
    @classmethod
    def _not_before_min(cls, version: str, info: ValidationInfo) -> str:
        if version < info.data.get("min_version", version):
            raise ValueError("must not be older than min_version")
        return version

    @field_validator("cipher_suites")
    @classmethod
    def _known_suites(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in _SUITES and name not in _SUITES_OF_TLS13:
                raise ValueError(f"has an unknown suite: it takes {', '.join(_SUITES)}")
        return names

    @field_validator("curve_preferences")
    @classmethod
    def _one_curve(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(names) > 1 or not set(names) <= set(_CURVES):
            raise ValueError(f"must be one of {', '.join(_CURVES)}: this server offers one")
        return names


class UnusableTls(Exception):
    """The settings name what this machine cannot use. ``reasons`` are keys, without ``_file``, and what is wrong."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        """At least one reason."""
        super().__init__()
        self.reasons = tuple(reasons)


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """The context that the settings describe; reads the files that they name. Raises ``UnusableTls``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.min_version]
    context.maximum_version = _VERSIONS[settings.max_version]
    _choose_ciphers(context, settings)
    reasons = [
        *_choose_curve(context, settings),
        *_load_certificate(context, settings),
        *_load_authorities(context, settings),
    ]
    if reasons:
        raise UnusableTls(reasons)
    return context


def _choose_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> None:
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    old = [_SUITES[name] for name in settings.cipher_suites if name in _SUITES]
    if old:
        context.set_ciphers(":".join(old))
    elif settings.cipher_suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3


def _choose_curve(context: ssl.SSLContext, settings: TlsSettings) -> list[Reason]:
    try:
        for name in settings.curve_preferences:
            context.set_ecdh_curve(_CURVES[name])
    except (ValueError, ssl.SSLError):
        return [("curve_preferences", "is not known to this machine's OpenSSL")]
    return []


def _load_certificate(context: ssl.SSLContext, settings: TlsSettings) -> list[Reason]:
    key = settings.key.get_secret_value() if settings.key else None
    cert_text, reasons = _content("cert", settings.cert, settings.cert_file)
    reasons += _content("key", key, settings.key_file)[1]
    if cert_text is not None and not _are_certificates(cert_text):
        reasons += [("cert", _NO_CERTIFICATE)]
    if reasons:
        return reasons
    try:
        with _as_file(settings.cert, settings.cert_file) as cert_path, _as_file(key, settings.key_file) as key_path:
            # Without a password, OpenSSL would ask for that of an encrypted key on the terminal.
            context.load_cert_chain(cert_path, key_path, password="")
    except ssl.SSLError as error:
        return [_COMPLAINTS.get(str(error.reason), ("key", "holds no unencrypted key in PEM"))]
    except OSError as error:
        return [("key", f"needs a temporary folder because it is given inline: {error.strerror}")]
    return []


def _load_authorities(context: ssl.SSLContext, settings: TlsSettings) -> list[Reason]:
    if settings.client_auth_type not in _VERIFIED:
        return []
    text, reasons = _content("client_ca", settings.client_ca, settings.client_ca_file)
    if text is None:
        return reasons
    if not _are_certificates(text):
        return [("client_ca", _NO_CERTIFICATE)]
    context.load_verify_locations(cadata=text)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate authority may be the one to trust
    context.verify_mode = _VERIFIED[settings.client_auth_type]
    return []


def _content(key: str, inline: str | None, file: Path | None) -> tuple[str | None, list[Reason]]:
    """The text of a PEM, or why there is none. What is not ASCII is a comment at best."""
    try:
        content = (inline or "").encode() if file is None else file.read_bytes()
    except OSError as error:
        return None, [(key, f"cannot be read: {file}: {error.strerror}")]
    return content.decode("ascii", "ignore"), []


def _are_certificates(text: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return True


@contextmanager
def _as_file(inline: str | None, file: Path | None) -> Iterator[Path]:
    """OpenSSL takes certificates and keys from files only, so what is written inline becomes one for a moment."""
    if file is not None:
        yield file
        return
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        path = Path(folder, "pem")
        path.touch(mode=0o600)
        path.write_text(inline or "", encoding="utf-8")
        yield path
