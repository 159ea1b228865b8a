"""Verifies the sender of a webhook: one function for each signing scheme.

Each reads the head of a request and returns the check of its body, or None when the head has nothing that could be a
proof, so that a stranger's body is not read. While a secret is rotated ``secrets`` are several, and one match is
enough; where there are none nothing matches. All comparisons take the same time whatever is presented.
"""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Literal, TypedDict

from dora_exporter.sources.contract import Check, Delivery, Misconfigured

TOLERANCE_MS = 5 * 60_000
"""The largest distance of a signed timestamp from now: an older delivery may be a replay."""

_MOST_SIGNATURES = 10
_SECONDS = re.compile("[0-9]{1,12}")
_HEX = re.compile("[0-9a-f]{64}")
_BASE64 = re.compile("v1,[A-Za-z0-9+/]{43}=")
_MILLISECONDS = re.compile("[0-9]{13}")
_BASIC = "basic "
_CONTENT = re.compile(r"(\{(?:timestamp|body|body_sha256)\})")

CONTENT_PARTS = {"timestamp", "body", "body_sha256"}
"""What a timestamped signature may be of; ``body_sha256`` is the hexadecimal digest of the body."""

Encoding = Literal["hex", "base64"]
_FORMS = {"hex": _HEX, "base64": re.compile("[A-Za-z0-9+/]{43}=")}
_ENCODERS: Mapping[Encoding, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda made: b64encode(made).decode(),
}


class HmacHeader(TypedDict):
    """Where the HMAC of a body is."""

    header: str
    prefix: str


def any_body(_body: bytes) -> bool:
    """The check of a request whose head has proved everything."""
    return True


def api_key(delivery: Delivery) -> Check | None:
    """One of the daemon's own API keys, as ``DD-API-KEY`` or bearer token, or a user's password."""
    return any_body if delivery.has_key else None


def token(delivery: Delivery, secrets: Iterable[str], *, header: str) -> Check | None:
    """A header that holds the secret itself, such as GitLab's ``X-Gitlab-Token``."""
    return any_body if _is_one_of(delivery.headers.getall(header, ()), secrets) else None


def query_token(delivery: Delivery, secrets: Iterable[str], *, parameter: str) -> Check | None:
    """A parameter of the query that holds the secret itself, of senders that cannot set a header."""
    return any_body if _is_one_of(delivery.query.getall(parameter, ()), secrets) else None


def basic_password(delivery: Delivery, secrets: Iterable[str]) -> Check | None:
    """Basic auth with the secret as password and any user name."""
    return any_body if _is_one_of(_passwords(delivery), secrets) else None


def hmac_sha256(
    delivery: Delivery, secrets: Iterable[str], *, header: str, prefix: str = "", encoding: Encoding = "hex"
) -> Check | None:
    """The HMAC of the body after ``prefix``, such as GitHub's ``X-Hub-Signature-256: sha256=...``.

    Several may be given, in several headers or between commas.
    """
    presented = presented_hmacs(delivery, header=header, prefix=prefix, encoding=encoding)
    keys = [secret.encode() for secret in secrets if secret]

    def is_signed(body: bytes) -> bool:
        return _match(presented, [_ENCODERS[encoding](hmac.digest(key, body, "sha256")) for key in keys])

    return is_signed if presented and keys else None


def presented_hmacs(delivery: Delivery, *, header: str, prefix: str = "", encoding: Encoding = "hex") -> list[str]:
    """What can be such a signature: without one, secrets need not be looked up in a file."""
    said = [each.strip() for value in delivery.headers.getall(header, ()) for each in value.split(",")]
    found = [each.removeprefix(prefix) for each in said if each.startswith(prefix)]
    return [each for each in found if _FORMS[encoding].fullmatch(each)][:_MOST_SIGNATURES]


def timestamped(
    delivery: Delivery, secrets: Iterable[str], *, presented: Iterable[str], time: str, content: str
) -> Check | None:
    """Hexadecimal HMACs of a timestamp with the body, such as Rootly's ``t=...,v1=...``.

    ``time`` is in seconds or milliseconds. ``content`` is what is signed, made of ``CONTENT_PARTS`` in braces.
    """
    signatures = [each for each in presented if _HEX.fullmatch(each)][:_MOST_SIGNATURES]
    keys = [secret.encode() for secret in secrets if secret]
    seconds = time[:-3] if _MILLISECONDS.fullmatch(time) else time
    if not (keys and signatures and is_recent(delivery, seconds)):
        return None

    def is_signed(body: bytes) -> bool:
        said = {"timestamp": time.encode(), "body": body, "body_sha256": sha256(body).hexdigest().encode()}
        parts = [said[each[1:-1]] if each[:1] == "{" else each.encode() for each in _CONTENT.split(content)]
        return _match(signatures, [hmac.digest(key, b"".join(parts), "sha256").hex() for key in keys])

    return is_signed


def standard_webhooks(delivery: Delivery, secrets: Sequence[str], *, name: str = "webhook") -> Check | None:
    """Standard Webhooks: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, with secrets ``whsec_...``.

    Svix has the same under the ``name`` ``svix``. Raises ``Misconfigured`` for a secret that is not Base64.
    """
    keys = [_standard_key(secret) for secret in secrets]
    head = [delivery.headers.get(f"{name}-{part}", "") for part in ("id", "timestamp", "signature")]
    message, seconds, signatures = head
    presented = [each for each in signatures.split(" ") if _BASE64.fullmatch(each)][:_MOST_SIGNATURES]
    if not (keys and message and presented and is_recent(delivery, seconds)):
        return None
    start = f"{message}.{seconds}.".encode("utf-8", "surrogateescape")

    def is_signed(body: bytes) -> bool:
        return _match(presented, ["v1," + b64encode(_digest(key, start, body)).decode() for key in keys])

    return is_signed


def any_of(*checks: Check | None) -> Check | None:
    """What proves a request to a source that takes several schemes: any of those whose proof was presented."""
    given = [each for each in checks if each is not None]
    if any_body in given:
        return any_body
    return (lambda body: any(check(body) for check in given)) if given else None


def is_recent(delivery: Delivery, seconds: str) -> bool:
    """Whether a signed timestamp, in seconds since the epoch, is near enough to now."""
    return bool(_SECONDS.fullmatch(seconds)) and abs(int(seconds) * 1000 - delivery.received_ms) <= TOLERANCE_MS


def _match(presented: Iterable[str], made: Sequence[str]) -> bool:
    """Compares all with all."""
    return sum(hmac.compare_digest(one, other) for one in presented for other in made) > 0


def _is_one_of(presented: Iterable[str], secrets: Iterable[str]) -> bool:
    """Whether a secret is presented; digests have one length, so that the time says nothing of it."""
    return _match(map(_hash, list(presented)[:_MOST_SIGNATURES]), [_hash(each) for each in secrets if each])


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _passwords(delivery: Delivery) -> Iterator[str]:
    for value in delivery.headers.getall("Authorization", ()):
        if value[: len(_BASIC)].lower() == _BASIC:
            try:
                yield b64decode(value[len(_BASIC) :].strip(), validate=True).decode().partition(":")[2]
            except ValueError:
                continue


def _standard_key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise Misconfigured("a secret of Standard Webhooks must be whsec_ and Base64")
    return key


def _digest(key: bytes, start: bytes, body: bytes) -> bytes:
    """The HMAC of both parts, without joining them."""
    made = hmac.new(key, start, sha256)
    made.update(body)
    return made.digest()
