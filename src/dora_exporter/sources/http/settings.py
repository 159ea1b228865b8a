"""The settings shared by all sources that send HTTP requests: headers for tenants and gateways."""

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from dora_exporter.config.validators import NamedFile, matching
from dora_exporter.sources.contract import Misconfigured
from dora_exporter.sources.http.client import Credentials
from dora_exporter.sources.settings import SourceSettings, secret_of

MOST_HEADERS = 50
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,7998}[\x21-\x7e])?")
_VALUE_WORDS = "must be 1 to 8000 printable ASCII characters without surrounding white space"
_OF_THE_CONNECTION = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
HEADER_SETTINGS = ("headers", "headers_files")


def _possible(value: SecretStr) -> SecretStr:
    if _VALUE.fullmatch(value.get_secret_value()) is None:
        raise ValueError(_VALUE_WORDS)
    return value


HeaderName = Annotated[
    str, matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}", "must be the name of an HTTP header such as X-Scope-OrgID")
]
HeaderValue = Annotated[SecretStr, AfterValidator(_possible)]


class HttpSourceSettings(SourceSettings):
    """``headers`` go with every request; a value that is secret can be in a file, which is read at each pass.

    A member names in ``OWN_HEADERS``, in lower case, those that it sends itself.
    """

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset()

    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=MOST_HEADERS)
    headers_files: dict[HeaderName, NamedFile] = Field(default_factory=dict, max_length=MOST_HEADERS)

    @model_validator(mode="after")
    def _may_be_given(self) -> Self:
        seen: set[str] = set()
        for name in (*self.headers, *self.headers_files):
            if name.lower() in seen:
                raise ValueError(f"gives the header {name} twice")
            if name.lower() in _OF_THE_CONNECTION | self.own_headers():
                raise ValueError(f"must not give the header {name}: it is set by the daemon")
            seen.add(name.lower())
        return self

    def own_headers(self) -> frozenset[str]:
        """The names of the headers that the source sends itself, in lower case."""
        return self.OWN_HEADERS

    def header_texts(self) -> Iterable[str]:
        """What headers say about whose data it is: with another tenant the past is read anew."""
        return sorted(f"{name.lower()}: {value.get_secret_value()}" for name, value in self.headers.items())


def with_headers(credentials: Credentials, settings: HttpSourceSettings) -> Credentials:
    """The credentials with the headers of the settings: call it in a thread. Raises ``Misconfigured``."""
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    for name, file in settings.headers_files.items():
        value = secret_of(None, file) or ""
        if _VALUE.fullmatch(value) is None:
            raise Misconfigured(f"the header {name} in the file {file} {_VALUE_WORDS}")
        headers[name] = value
    return Credentials(
        headers={**headers, **credentials.headers},
        secrets=(*credentials.secrets, *headers.values()),
        tls=credentials.tls,
    )
