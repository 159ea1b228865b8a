"""Tokens of a GitHub App's installation: each is good for an hour."""

import asyncio
from pathlib import Path

import msgspec

from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.runtime.secret_files import BadSecret, read_secret_text
from dora_exporter.sources.contract import Misconfigured, Unreadable
from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.http.client import Credentials, Traffic, Transport

_GOOD_FOR_MS = 50 * 60_000
_SIGNED_FOR_SECONDS = 540
_CLOCK_SKEW_SECONDS = 60


class _Answer(msgspec.Struct, frozen=True):
    token: str


class AppTokens:
    """Exchanges an App's signature for tokens, as GitHub wants it."""

    def __init__(self, settings: GitHubSettings, transport: Transport, traffic: Traffic, clock: Clock) -> None:
        """Asks nothing yet."""
        self._settings = settings
        self._transport = transport
        self._traffic = traffic
        self._clock = clock
        self._token: str | None = None
        self._asked_ms = 0

    async def token(self) -> str:
        """A token that is good for ten minutes more; raises ``Misconfigured`` and what requests raise."""
        now_ms = self._clock()
        if self._token is None or not 0 <= now_ms - self._asked_ms < _GOOD_FOR_MS:
            self._token, self._asked_ms = await self._ask(now_ms // 1000), now_ms
        return self._token

    def forget(self) -> None:
        """A token that was refused is not used again."""
        self._token = None

    async def _ask(self, now_seconds: int) -> str:
        settings = self._settings
        proof = await asyncio.to_thread(_signed, settings, now_seconds)
        headers = {"Authorization": f"Bearer {proof}", "Accept": "application/vnd.github+json"}
        credentials = Credentials(headers=headers, secrets=(proof,))
        upstream = self._transport.upstream(settings.base_url, credentials=credentials, traffic=self._traffic)
        answer = await upstream.post_json(f"/app/installations/{settings.installation_id}/access_tokens", {})
        try:
            return msgspec.json.decode(answer.body, type=_Answer).token
        except FLAWS:
            raise Unreadable("GitHub's answer has no token") from None


def _signed(settings: GitHubSettings, now_seconds: int) -> str:
    """A JSON web token that authenticates the App, signed with the key that is in the file now."""
    import jwt  # noqa: PLC0415  # it loads cryptography: ten megabytes that only an App needs

    try:
        key = read_secret_text(settings.private_key_file or Path())
        claims = {
            "iat": now_seconds - _CLOCK_SKEW_SECONDS,
            "exp": now_seconds + _SIGNED_FOR_SECONDS,
            "iss": str(settings.app_id),
        }
        return jwt.encode(claims, key, algorithm="RS256")
    except BadSecret as reason:
        raise Misconfigured(str(reason)) from None
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Misconfigured("private_key_file holds no RSA key in PEM") from None
