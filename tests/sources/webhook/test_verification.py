"""Who may post to a source of any JSON: each scheme with the right secret, two secrets, a flipped bit, an old time."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from pydantic import TypeAdapter, ValidationError
from tests.builders import NOW_MS
from tests.sources.webhook.webhook_daemon import a_daemon

from dora_exporter.sources.webhook.verification import Verification

OLD, NEW = "secret-of-yesterday", "secret-of-today"
BODY = b'{"id": "1", "began": 1749999000, "changed": 1749999000, "services": ["shop"]}'
FLIPPED = BODY.replace(b'"1"', b'"0"')
WHSEC = {each: "whsec_" + b64encode(each.encode()).decode() for each in (OLD, NEW, "other")}
NOW, OLD_TIME, FUTURE = NOW_MS // 1000, NOW_MS // 1000 - 301, NOW_MS // 1000 + 301


def mac(secret: str, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), content, "sha256")


def standard(name: str, secret: str, body: bytes, seconds: int) -> dict[str, str]:
    signed = standardwebhooks.Webhook(WHSEC[secret]).sign("msg_1", datetime.fromtimestamp(seconds, UTC), body.decode())
    return {f"{name}-id": "msg_1", f"{name}-timestamp": str(seconds), f"{name}-signature": f"v1,AAAA {signed}"}


def basic(secret: str) -> str:
    return "Basic " + b64encode(f"anyone:{secret}".encode()).decode()


SIGNED: dict[str, tuple[dict[str, Any], Any]] = {
    "hex": (
        {"scheme": "hmac", "header": "X-Signature", "prefix": "sha256="},
        lambda secret, body, _: {"x-signature": f"sha256={mac(secret, body).hex()}"},
    ),
    "base64": (
        {"scheme": "hmac", "header": "X-Signature", "encoding": "base64"},
        lambda secret, body, _: {"X-Signature": b64encode(mac(secret, body)).decode()},
    ),
    "list": (
        {"scheme": "hmac", "header": "X-Signature", "prefix": "v1="},
        lambda secret, body, _: {"X-Signature": f"v1={'0' * 64},v1={mac(secret, body).hex()}"},
    ),
    "standard": (
        {"scheme": "standard_webhooks"},
        lambda secret, body, seconds: standard("webhook", secret, body, seconds),
    ),
    "svix": (
        {"scheme": "standard_webhooks", "name": "svix"},
        lambda secret, body, seconds: standard("svix", secret, body, seconds),
    ),
    "timestamped": (
        {"scheme": "timestamped", "header": "X-Rootly-Signature"},
        lambda secret, body, seconds: {
            "X-Rootly-Signature": f"t={seconds}, v1={mac(secret, str(seconds).encode() + body).hex()}"
        },
    ),
    "milliseconds and a dot": (
        {"scheme": "timestamped", "header": "X-Sig", "content": "{timestamp}.{body}", "signature": "v0"},
        lambda secret, body, seconds: {
            "X-Sig": f"t={seconds}000,v0={mac(secret, str(seconds).encode() + b'000.' + body).hex()}"
        },
    ),
    "digest and literal": (
        {"scheme": "timestamped", "header": "X-Sig", "content": "{body_sha256}:{timestamp}:v1"},
        lambda secret, body, seconds: {
            "X-Sig": f"t={seconds},v1=" + mac(secret, f"{hashlib.sha256(body).hexdigest()}:{seconds}:v1".encode()).hex()
        },
    ),
    "time of its own": (
        {"scheme": "timestamped", "header": "X-Sig", "content": "{timestamp}:{body}", "timestamp_header": "X-Time"},
        lambda secret, body, seconds: {
            "X-Sig": mac(secret, str(seconds).encode() + b":" + body).hex(),
            "X-Time": str(seconds),
        },
    ),
}
PRESENTED: dict[str, tuple[dict[str, Any], Any]] = {
    "token": ({"scheme": "token", "header": "X-Token"}, lambda secret: ({"X-Token": secret}, "")),
    "bearer": (
        {"scheme": "token", "header": "Authorization", "prefix": "Bearer "},
        lambda secret: ({"Authorization": f"Bearer {secret}"}, ""),
    ),
    "query": ({"scheme": "query_token"}, lambda secret: ({}, f"?token={secret}")),
    "named query": ({"scheme": "query_token", "parameter": "k"}, lambda secret: ({}, f"?k={secret}")),
    "basic": ({"scheme": "basic"}, lambda secret: ({"Authorization": basic(secret)}, "")),
}
TIMED = [name for name, (verify, _) in SIGNED.items() if verify["scheme"] != "hmac"]


async def statuses(
    verify: Mapping[str, Any], *tries: tuple[Mapping[str, str], bytes, str], secrets: tuple[str, ...] = (OLD, NEW)
) -> list[int]:
    """What a source with these secrets answers to each try."""
    if verify["scheme"] == "standard_webhooks":
        secrets = tuple(WHSEC[each] for each in secrets)
    async with a_daemon(verify=verify, webhook_secrets=secrets) as daemon:
        return [await daemon.push(body, headers, query) for headers, body, query in tries]


@pytest.mark.parametrize("scheme", SIGNED)
async def test_a_signed_body_needs_one_of_the_secrets(scheme: str) -> None:
    verify, sign = SIGNED[scheme]
    tries = [
        (sign(OLD, BODY, NOW), BODY, ""),
        (sign(NEW, BODY, NOW), BODY, ""),
        (sign("other", BODY, NOW), BODY, ""),
        (sign(NEW, BODY, NOW), FLIPPED, ""),
        ({}, BODY, ""),
        (dict.fromkeys(sign(NEW, BODY, NOW), ""), BODY, ""),
    ]
    assert await statuses(verify, *tries) == [200, 200, 403, 403, 403, 403]


@pytest.mark.parametrize("scheme", TIMED)
async def test_a_signed_time_may_be_five_minutes_off_and_no_more(scheme: str) -> None:
    verify, sign = SIGNED[scheme]
    tries = [(sign(NEW, BODY, seconds), BODY, "") for seconds in (NOW - 299, NOW + 299, OLD_TIME, FUTURE)]
    assert await statuses(verify, *tries) == [200, 200, 403, 403]


@pytest.mark.parametrize("scheme", TIMED)
async def test_a_signature_is_of_its_time(scheme: str) -> None:
    verify, sign = SIGNED[scheme]
    old, new = sign(NEW, BODY, OLD_TIME), sign(NEW, BODY, NOW)
    mixed = [{**new, name: value} for name, value in old.items() if value != new[name]]
    swapped = [{name: value.replace(str(OLD_TIME), str(NOW)) for name, value in old.items()}, *mixed]
    assert set(await statuses(verify, *((each, BODY, "") for each in swapped))) == {403}


@pytest.mark.parametrize("scheme", PRESENTED)
async def test_a_presented_secret_is_one_of_them(scheme: str) -> None:
    verify, present = PRESENTED[scheme]
    tries = [(headers, BODY, query) for headers, query in map(present, (OLD, NEW, "other", OLD + "x", ""))]
    assert await statuses(verify, *tries, ({}, BODY, "")) == [200, 200, 403, 403, 403, 403]


@pytest.mark.parametrize("verify", [None, {"scheme": "api_key"}, {"scheme": "hmac", "header": "X-Signature"}])
async def test_without_secrets_a_key_of_the_daemon_is_needed(verify: object) -> None:
    async with a_daemon(verify=verify) as daemon:
        assert await daemon.push(BODY) == 200
        assert await daemon.push(BODY, {}) == 403
        assert await daemon.push(BODY, {"X-Signature": mac("", BODY).hex()}) == 403


async def test_a_key_of_the_daemon_does_not_stand_for_a_signature() -> None:
    async with a_daemon(verify=SIGNED["hex"][0], webhook_secrets=(NEW,)) as daemon:
        assert await daemon.push(BODY) == 403


@pytest.mark.parametrize(
    ("verify", "reason"),
    [
        ({"scheme": "hmac"}, "Field required"),
        ({"scheme": "hmac", "header": "a b"}, "must be the name of an HTTP header"),
        ({"scheme": "timestamped", "header": "X", "content": "{body}"}, "must be made of"),
        ({"scheme": "timestamped", "header": "X", "content": "{timestamp}"}, "must be made of"),
        ({"scheme": "timestamped", "header": "X", "content": "{timestamp}{text}"}, "must be made of"),
        ({"scheme": "rsa"}, "does not match any of the expected tags"),
    ],
)
def test_a_scheme_that_cannot_be_is_refused(verify: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(Verification).validate_python(verify)
