"""The configured headers are on every answer."""

from collections.abc import Mapping

import pytest
from tests.web.guarded import PATHS, guarded

from dora_exporter.web.security.basic_auth import basic_auth
from dora_exporter.web.server.headers import adding

HEADERS = {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=60"}
USERS = {"alice": "$2b$04$nRgDh7NgBsWFDQsKC9vFQOdvgEsGpBGQwIBwJ1xInWHaRwzGoZMly"}


@pytest.mark.parametrize(
    ("path", "users", "status"),
    [
        (PATHS[0], {}, 200),
        ("/no/such/path", {}, 404),
        ("/api/no/such/path", {}, 400),
        (PATHS[0], USERS, 401),
        (PATHS[1], USERS, 403),
    ],
)
async def test_an_answer_has_the_headers_be_it_a_refusal_or_not(
    path: str, users: Mapping[str, str], status: int
) -> None:
    auth = basic_auth(lambda: users, has_key=lambda _: False)
    async with guarded(auth, on_prepare=[adding(lambda: HEADERS)]) as client, client.get(path) as response:
        assert response.status == status
        assert HEADERS.items() <= dict(response.headers).items()


async def test_a_changed_header_is_sent_at_once() -> None:
    headers = dict(HEADERS)
    async with guarded(on_prepare=[adding(lambda: headers)]) as client:
        headers["X-Frame-Options"] = "sameorigin"
        async with client.get(PATHS[0]) as response:
            assert response.headers["X-Frame-Options"] == "sameorigin"
