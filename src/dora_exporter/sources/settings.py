"""The settings that all sources share: a name, secrets, and a digest of the rest."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, StringConstraints

from dora_exporter.config.validators import matching
from dora_exporter.dora.events import SENT
from dora_exporter.runtime.secret_files import BadSecret, read_secret, read_secret_text
from dora_exporter.sources.contract import Misconfigured


def _not_reserved(name: str) -> str:
    if name == SENT:
        raise ValueError("is the name of what is sent to the API")
    return name


SourceName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60),
    matching("[a-zA-Z0-9][a-zA-Z0-9_.-]*", "must be letters, digits, dots, dashes and underscores"),
    AfterValidator(_not_reserved),
]
"""What a source may be called: it begins the ids of its items, and is a label."""


class SourceSettings(BaseModel):
    """The base of the settings models of all kinds. A member narrows ``kind`` to its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: str


def fingerprint_of(settings: BaseModel, *context: str, tuning: Iterable[str]) -> str:
    """A short digest of the settings without ``tuning``, the fields that do not decide what events look like."""
    said = settings.model_dump(mode="json", exclude=set(tuning))
    return sha256(msgspec.json.encode([said, context], order="deterministic")).hexdigest()[:16]


def secret_of(direct: SecretStr | None, file: Path | None) -> str | None:
    """A secret given directly or in a file, which is read now: call it in a thread. Raises ``Misconfigured``."""
    try:
        secret = read_secret(direct, file)
    except BadSecret as reason:
        raise Misconfigured(str(reason)) from None
    if secret is not None and not secret.isprintable():
        raise Misconfigured("a token or password must be one line of printable characters")
    return secret


def secrets_of(file: Path) -> tuple[str, ...]:
    """The secrets in a file, one on each line, read now: call it in a thread. Raises ``Misconfigured``."""
    try:
        lines = read_secret_text(file).splitlines()
    except BadSecret as reason:
        raise Misconfigured(str(reason)) from None
    return tuple(line.strip() for line in lines if line.strip())
