"""Proofs that a delivery comes from its sender, made as the schemes of presets want them."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from dora_exporter.sources.webhook.verification import (
    Basic,
    Hmac,
    QueryToken,
    StandardWebhooks,
    Timestamped,
    Token,
    Verification,
)

PLAIN_SECRET = "a-secret-of-the-webhook"
STANDARD_SECRET = "whsec_" + b64encode(b"a-key-of-thirty-two-bytes-or-so.").decode()


@dataclass(frozen=True)
class Proof:
    """What a request has besides its body."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


def secret_for(verify: Verification) -> str:
    """A secret of the form that the scheme wants."""
    return STANDARD_SECRET if isinstance(verify, StandardWebhooks) else PLAIN_SECRET


def proof(verify: Verification, body: bytes, *, now_ms: int) -> Proof:
    """The proof of a body that is sent now."""
    seconds = str(now_ms // 1000)
    match verify:
        case Hmac(header=header, prefix=prefix):
            return Proof({header: prefix + _hmac(body)})
        case StandardWebhooks():
            key = b64decode(STANDARD_SECRET.removeprefix("whsec_"))
            signed = hmac.digest(key, f"msg_1.{seconds}.".encode() + body, "sha256")
            head = {"id": "msg_1", "timestamp": seconds, "signature": f"v1,{b64encode(signed).decode()}"}
            return Proof({f"webhook-{name}": value for name, value in head.items()})
        case Timestamped(header=header):
            return Proof({header: f"t={seconds},v1={_hmac(seconds.encode() + body)}"})
        case Token(header=header, prefix=prefix):
            return Proof({header: prefix + PLAIN_SECRET})
        case QueryToken(parameter=parameter):
            return Proof(query=f"?{parameter}={PLAIN_SECRET}")
        case _:
            assert isinstance(verify, Basic)
            return Proof({"Authorization": "Basic " + b64encode(f"anyone:{PLAIN_SECRET}".encode()).decode()})


def _hmac(body: bytes) -> str:
    return hmac.new(PLAIN_SECRET.encode(), body, sha256).hexdigest()
