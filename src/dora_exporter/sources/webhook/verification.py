"""Who may post to a source: the schemes in its settings, and the check that each stands for."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from dora_exporter.config.validators import matching
from dora_exporter.sources import webhook_signatures as signatures
from dora_exporter.sources.contract import Check, Delivery

HeaderName = Annotated[
    str, matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}", "must be the name of an HTTP header such as X-Signature")
]
Word = Annotated[str, StringConstraints(max_length=200)]
_PART = re.compile(r"\{(\w*)\}")


def _content(template: str) -> str:
    parts = _PART.findall(template)
    if set(parts) - signatures.CONTENT_PARTS or "timestamp" not in parts or len(parts) < 2:  # noqa: PLR2004 - and a body
        raise ValueError("must be made of {timestamp} and {body} or {body_sha256}")
    return template


class Scheme(BaseModel):
    """What all schemes have."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @property
    def secret_names(self) -> set[str]:
        """The headers and parameters that hold a secret, in lower case."""
        return {name.lower() for name in (getattr(self, "header", None), getattr(self, "parameter", None)) if name}


class Hmac(Scheme):
    """The HMAC-SHA256 of the body in a header, after a prefix; several may be given between commas."""

    scheme: Literal["hmac"]
    header: HeaderName
    prefix: Word = ""
    encoding: signatures.Encoding = "hex"

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a proof to look at."""
        return self.header in delivery.headers

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """The check of the body."""
        return signatures.hmac_sha256(delivery, secrets, header=self.header, prefix=self.prefix, encoding=self.encoding)


class StandardWebhooks(Scheme):
    """Standard Webhooks; ``name`` begins its headers, by default both ``webhook`` and Svix's ``svix`` may."""

    scheme: Literal["standard_webhooks"]
    name: Literal["webhook", "svix"] | None = None

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a proof to look at."""
        return any(f"{each}-signature" in delivery.headers for each in self._names)

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """The check of the body."""
        return signatures.any_of(*(signatures.standard_webhooks(delivery, secrets, name=each) for each in self._names))

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.name,) if self.name else ("webhook", "svix")


class Timestamped(Scheme):
    """A header ``t=<seconds>,v1=<HMAC>``, where the HMAC is of ``content``; the time may be in a header of its own."""

    scheme: Literal["timestamped"]
    header: HeaderName
    content: Annotated[Word, AfterValidator(_content)] = "{timestamp}{body}"
    timestamp: Word = "t"
    signature: Word = "v1"
    timestamp_header: HeaderName | None = None

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a proof to look at."""
        return self.header in delivery.headers

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """The check of the body."""
        said = ",".join(delivery.headers.getall(self.header, ()))
        pairs = [(key.strip(), value.strip()) for key, _, value in (each.partition("=") for each in said.split(","))]
        if self.timestamp_header is None:
            time = next((value for key, value in pairs if key == self.timestamp), "")
            presented = [value for key, value in pairs if key == self.signature]
        else:
            time = delivery.headers.get(self.timestamp_header, "")
            presented = [each.strip() for each in said.split(",")]
        return signatures.timestamped(delivery, secrets, presented=presented, time=time, content=self.content)


class Token(Scheme):
    """The secret itself in a header, after a prefix such as ``Bearer``."""

    scheme: Literal["token"]
    header: HeaderName
    prefix: Word = ""

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a proof to look at."""
        return self.header in delivery.headers

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """Needs no body."""
        return signatures.token(delivery, [f"{self.prefix}{each}" for each in secrets if each], header=self.header)


class QueryToken(Scheme):
    """The secret itself in a parameter of the URL, for senders that cannot set a header."""

    scheme: Literal["query_token"]
    parameter: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "token"

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a proof to look at."""
        return self.parameter in delivery.query

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """Needs no body."""
        return signatures.query_token(delivery, secrets, parameter=self.parameter)


class Basic(Scheme):
    """Basic auth with the secret as password and any user name."""

    scheme: Literal["basic"]

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a proof to look at."""
        return "Authorization" in delivery.headers

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """Needs no body."""
        return signatures.basic_password(delivery, secrets)


class ApiKey(Scheme):
    """One of the daemon's own keys, or a user's password."""

    scheme: Literal["api_key"]

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether there is a valid one."""
        return delivery.has_key

    def check(self, delivery: Delivery, secrets: Sequence[str]) -> Check | None:
        """Needs no secrets and no body."""
        return signatures.api_key(delivery)


Verification = Annotated[
    Hmac | StandardWebhooks | Timestamped | Token | QueryToken | Basic | ApiKey, Field(discriminator="scheme")
]
"""The settings of one scheme, which makes the check of a delivery; the check is None for a head without a proof."""
