"""The ways in which senders prove who they are."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping

import pytest
from tests.builders import NOW_MS
from tests.sources.deliveries import delivery_head

from dora_exporter.sources.contract import Check, Misconfigured
from dora_exporter.sources.webhook_signatures import (
    any_body,
    any_of,
    api_key,
    basic_password,
    hmac_sha256,
    query_token,
    standard_webhooks,
    token,
)

BODY = b'{"action": "created"}'
OLD, NEW = "secret-of-yesterday", "secret-of-today"
KEY = b"0123456789abcdef01234567"
STANDARD = "whsec_" + b64encode(KEY).decode()


def accepts(check: Check | None, body: bytes = BODY) -> bool:
    return check is not None and check(body)


def hex_of(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        (f"sha256={hex_of(NEW)}", True),
        (f"sha256={hex_of(OLD)}", True),
        (f"sha256={'0' * 64}, sha256={hex_of(NEW)}", True),
        (f"sha256={hex_of('other')}", False),
        (f"sha256={hex_of('')}", False),
        (f"sha1={hex_of(NEW)}", False),
        (hex_of(NEW), False),
        (f"sha256={hex_of(NEW)}0", False),
        (f"sha256={hex_of(NEW).upper()}", False),
        (f"sha256={hex_of(NEW, BODY + b' ')}", False),
        ("sha256=\udcff", False),
        ("", False),
    ],
)
def test_a_hexadecimal_hmac_of_the_body_needs_one_of_the_secrets(value: str, *, is_right: bool) -> None:
    head = delivery_head({"X-Hub-Signature-256": value})

    assert accepts(hmac_sha256(head, (OLD, NEW, ""), header="x-hub-signature-256", prefix="sha256=")) is is_right


def test_an_hmac_without_prefix_or_secret() -> None:
    head = delivery_head({"fh-signature": hex_of(NEW)})

    assert accepts(hmac_sha256(head, (NEW,), header="fh-signature"))
    assert hmac_sha256(head, (), header="fh-signature") is None
    assert hmac_sha256(head, ("",), header="fh-signature") is None


def test_without_anything_that_can_be_a_proof_the_body_is_not_asked_about() -> None:
    head = delivery_head({"X-Gitlab-Token": "wrong", "Authorization": "Basic bm9ib2R5"})

    assert hmac_sha256(head, (NEW,), header="X-Hub-Signature-256", prefix="sha256=") is None
    assert standard_webhooks(head, (STANDARD,)) is None
    assert token(head, (NEW,), header="X-Gitlab-Token") is None
    assert basic_password(head, (NEW,)) is None
    assert query_token(head, (NEW,), parameter="token") is None
    assert api_key(head) is None
    assert any_of(None, None) is None


@pytest.mark.parametrize(
    ("presented", "is_right"),
    [(NEW, True), (OLD, True), (NEW + " ", False), (NEW[:-1], False), ("", False), ("\udcff", False)],
)
def test_a_token_is_one_of_the_secrets(presented: str, *, is_right: bool) -> None:
    expected = any_body if is_right else None

    assert token(delivery_head({"X-Gitlab-Token": presented}), (OLD, NEW, ""), header="x-gitlab-token") is expected
    assert query_token(delivery_head(query={"token": presented}), (OLD, NEW, ""), parameter="token") is expected
    basic = b64encode(b"anybody:" + presented.encode("utf-8", "surrogateescape")).decode()
    assert basic_password(delivery_head({"Authorization": f"basic {basic}"}), (OLD, NEW, "")) is expected


def test_a_key_or_a_users_password_proves_everything() -> None:
    assert api_key(delivery_head(has_key=True)) is any_body


def standard(*, seconds: int = NOW_MS // 1000, key: bytes = KEY, body: bytes = BODY) -> dict[str, str]:
    """The headers of a delivery as Standard Webhooks has it."""
    content = f"msg_1.{seconds}.".encode() + body
    signature = b64encode(hmac.digest(key, content, "sha256")).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{b64encode(bytes(32)).decode()} v1,{signature} v1a,other",
    }


@pytest.mark.parametrize(
    ("headers", "is_right"),
    [
        (standard(), True),
        (standard(seconds=NOW_MS // 1000 - 300), True),
        (standard(seconds=NOW_MS // 1000 - 301), False),
        (standard(seconds=NOW_MS // 1000 + 301), False),
        (standard(key=b"other"), False),
        (standard(body=b"{}"), False),
        (standard() | {"webhook-id": "msg_2"}, False),
        (standard() | {"webhook-id": ""}, False),
        (standard() | {"webhook-id": "\udcff"}, False),
        (standard() | {"webhook-timestamp": "now"}, False),
        (standard() | {"webhook-timestamp": "9" * 400}, False),
        (standard() | {"webhook-signature": "v1,"}, False),
    ],
)
def test_standard_webhooks_sign_id_time_and_body(headers: Mapping[str, str], *, is_right: bool) -> None:
    other = "whsec_" + b64encode(b"another key").decode()

    assert accepts(standard_webhooks(delivery_head(headers), (other, STANDARD))) is is_right


def test_standard_webhooks_have_a_published_example() -> None:
    """The example of the specification's reference libraries."""
    head = delivery_head(
        {
            "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "svix-timestamp": "1614265330",
            "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        received_ms=1_614_265_330_000,
    )
    check = standard_webhooks(head, ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), name="svix")

    assert accepts(check, b'{"test": 2432232314}')


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!", "plain text", "whsec_\u00e4"])
def test_a_standard_secret_that_is_no_base64_is_a_misconfiguration(secret: str) -> None:
    with pytest.raises(Misconfigured, match="whsec_"):
        standard_webhooks(delivery_head(standard()), (secret,))


def test_a_source_may_take_several_schemes() -> None:
    head = delivery_head(standard() | {"X-Gitlab-Token": NEW})

    signed = standard_webhooks(head, (STANDARD,))
    assert accepts(any_of(None, signed))
    assert not accepts(any_of(None, signed), b"{}")
    assert any_of(signed, token(head, (NEW,), header="X-Gitlab-Token")) is any_body
