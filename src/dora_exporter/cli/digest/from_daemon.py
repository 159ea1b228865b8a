"""The numbers of a period from a running daemon."""

from collections.abc import Sequence
from http import HTTPStatus

import aiohttp
import msgspec
from yarl import URL

from dora_exporter.cli.digest.report import Period
from dora_exporter.cli.exit_codes import CannotDo
from dora_exporter.sources.http.network_errors import in_words
from dora_exporter.web.api.numbers import NUMBERS
from dora_exporter.web.api.numbers_query import LARGEST_PAGE
from dora_exporter.web.api.schema.number_answer import NumbersAnswer, NumbersOfSubject

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
_answers = msgspec.json.Decoder(NumbersAnswer)


async def from_daemon(url: URL, key: str | None, period: Period, *, tier: str) -> Sequence[NumbersOfSubject]:
    """What was known at the beginning and at the end of the period, of each service of a tier. Raises CannotDo."""
    length_ms = period.end_ms - period.start_ms
    asked = {
        "from": _seconds(period.start_ms),
        "to": _seconds(period.end_ms),
        "step": f"{length_ms}ms",
        "window": f"{length_ms}ms",
        "limit": str(LARGEST_PAGE),
        **({"tier": tier} if tier else {}),
    }
    headers = {"DD-API-KEY": key} if key else {}
    found: list[NumbersOfSubject] = []
    page = pages = 1
    async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT, trust_env=True) as session:
        while page <= pages:
            answer = await _get(session, url, {**asked, "page": str(page)})
            found.extend(each for each in answer.results if each.numbers)
            page, pages = page + 1, answer.pages
    return found


async def _get(session: aiohttp.ClientSession, url: URL, query: dict[str, str]) -> NumbersAnswer:
    try:
        async with session.get(url.with_path(url.path.rstrip("/") + NUMBERS.path), params=query) as response:
            status, body = response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CannotDo(f"{url.host} cannot be asked: {in_words(error)} (port {url.port})") from error
    if status != HTTPStatus.OK:
        raise CannotDo(f"{url.host} answered {status}: {body[:200].decode(errors='replace')}")
    try:
        return _answers.decode(body)
    except msgspec.MsgspecError as error:
        raise CannotDo(f"{url.host} answered something that is not a list of numbers") from error


def _seconds(moment_ms: int) -> str:
    return str(moment_ms // 1000)
