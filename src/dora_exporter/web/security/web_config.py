"""The web configuration file: TLS, basic auth and the rest of what exporter-toolkit defines."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from dora_exporter.config.errors import ConfigError, Mistake, validate
from dora_exporter.config.validators import Whole
from dora_exporter.config.yaml_file import Document, read
from dora_exporter.web.security.tls import TlsSettings, UnusableTls, server_context

_HASH = re.compile(r"\$2[abxy]?\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_HIGHEST_COST = 15
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_INTERVAL = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_INTERVAL_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True)
class RateLimit:
    """A bucket of ``burst`` requests that gets one more every ``interval_seconds``."""

    interval_seconds: float
    burst: int


@dataclass(frozen=True)
class WebConfig:
    """The settings in the file. Without ``tls`` it is plain HTTP, without ``users`` there is no basic auth."""

    tls: ssl.SSLContext | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
    client_allowed_sans: frozenset[str] | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether clients need a password or a certificate."""
        return bool(self.users) or (self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED)


def load(path: Path) -> WebConfig:
    """Reads the file and the certificates that it names; raises ``ConfigError`` with all mistakes."""
    document = read(path)
    layer = document.layer({name: value for name, value in document.data.items() if not _is_blank(name, value)})
    settings = validate(_Settings, [layer])
    try:
        return _web_config(settings)
    except UnusableTls as error:
        raise ConfigError(_mistake(document, key, text) for key, text in error.reasons) from None


def _is_blank(name: str, value: object) -> bool:
    """Whether a section of the file is left empty, which is as good as leaving it out."""
    return value in ({}, None) and name in _Settings.model_fields


def _mistake(document: Document, key: str, text: str) -> Mistake:
    section = document.data["tls_server_config"]
    given = f"{key}_file" if f"{key}_file" in section else key
    return Mistake(document.where(("tls_server_config", given)), f"tls_server_config.{given}: {text}")


def files_of(path: Path) -> frozenset[Path]:
    """The file itself and the files that it names, as far as it can be read."""
    try:
        section = read(path).data.get("tls_server_config")
    except ConfigError:
        section = None
    named = section if isinstance(section, dict) else {}
    others = (named.get(key) for key in ("cert_file", "key_file", "client_ca_file"))
    return frozenset({path, *(path.parent / other for other in others if isinstance(other, str))})


def _hash(secret: SecretStr) -> SecretStr:
    if not _HASH.fullmatch(secret.get_secret_value()):
        raise ValueError("must be a password hashed with bcrypt, such as `htpasswd -nBC 10 ''` prints")
    if int(secret.get_secret_value().split("$")[2]) > _HIGHEST_COST:
        raise ValueError(f"takes seconds to check: hash it with a cost of at most {_HIGHEST_COST}")
    return secret


def _user(name: str) -> str:
    if ":" in name:
        raise ValueError("a user name with a colon cannot log in")
    return name


def _seconds(value: object) -> float:
    if str(value) == "0":
        return 0.0
    if isinstance(value, str) and _INTERVAL.fullmatch(value):
        seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _INTERVAL_PART.findall(value))
        if isfinite(seconds):
            return seconds
    raise ValueError("must be a duration such as 100ms, 1s or 1m30s")


def _header(value: str) -> str:
    if not value.isprintable() or not value.isascii():
        raise ValueError("must be printable ASCII text")
    return value


_Header = Annotated[str, AfterValidator(_header)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Headers(_Section):
    """An empty header is not sent."""

    content_security_policy: _Header = Field(default="", alias="Content-Security-Policy")
    x_frame_options: Literal["deny", "sameorigin", ""] = Field(default="", alias="X-Frame-Options")
    x_content_type_options: Literal["nosniff", ""] = Field(default="", alias="X-Content-Type-Options")
    x_xss_protection: _Header = Field(default="", alias="X-XSS-Protection")
    strict_transport_security: _Header = Field(default="", alias="Strict-Transport-Security")


class _Http(_Section):
    """``http2`` may be offered by servers that have it; this one speaks HTTP/1.1 whatever it says."""

    http2: bool = True
    headers: _Headers = _Headers()


class _Rate(_Section):
    interval: Annotated[float, BeforeValidator(_seconds)] = 0.0
    burst: Annotated[Whole, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _lets_something_through(self) -> "_Rate":
        if self.interval and not self.burst:
            raise ValueError("burst must be at least 1, or every request is refused")
        return self


class _Settings(_Section):
    tls_server_config: TlsSettings | None = None
    http_server_config: _Http = _Http()
    basic_auth_users: dict[Annotated[str, AfterValidator(_user)], Annotated[SecretStr, AfterValidator(_hash)]] = Field(
        default_factory=dict
    )
    rate_limit: _Rate = _Rate()


def _web_config(settings: _Settings) -> WebConfig:
    tls, rate = settings.tls_server_config, settings.rate_limit
    sans = None if tls is None else tls.client_allowed_sans
    headers = settings.http_server_config.headers.model_dump(by_alias=True)
    return WebConfig(
        tls=None if tls is None else server_context(tls),
        users={name: secret.get_secret_value() for name, secret in settings.basic_auth_users.items()},
        headers={name: value for name, value in headers.items() if value},
        rate_limit=RateLimit(rate.interval, rate.burst) if rate.interval else None,
        client_allowed_sans=None if sans is None else frozenset(sans),
    )
