"""Lines on their way into a running daemon."""

from collections import Counter
from collections.abc import Iterable, Sequence
from http import HTTPStatus

import aiohttp
import msgspec
from yarl import URL

from dora_exporter.cli.exit_codes import CannotDo
from dora_exporter.cli.import_events.batching import groups
from dora_exporter.cli.import_events.line_errors import Mistakes
from dora_exporter.dora.changes import Outcome
from dora_exporter.sources.http.network_errors import in_words
from dora_exporter.web.api.bulk.bulk_endpoint import BULK
from dora_exporter.web.api.bulk.result import BulkAnswer

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
_answers = msgspec.json.Decoder(BulkAnswer)

NumberedLine = tuple[int, bytes]


async def send(lines: Iterable[NumberedLine], url: URL, key: str | None, mistakes: Mistakes) -> Counter[Outcome]:
    """Sends the lines in groups; returns the outcomes of the events in them.

    Raises CannotDo, with the line it came to, where the daemon cannot be reached or takes no more.
    """
    outcomes: Counter[Outcome] = Counter()
    headers = {"DD-API-KEY": key} if key else {}
    async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT, trust_env=True) as session:
        for group in groups(lines):
            try:
                outcomes.update(await _post(session, _endpoint(url), group, mistakes))
            except (CannotDo, aiohttp.ClientError, TimeoutError) as reason:
                said = str(reason) if isinstance(reason, CannotDo) else f"{in_words(reason)} (port {url.port})"
                raise CannotDo(f"{url.host} accepts nothing from line {group[0][0]} on: {said}") from reason
    return outcomes


def _endpoint(url: URL) -> URL:
    return url.with_path(url.path.rstrip("/") + BULK.path)


async def _post(
    session: aiohttp.ClientSession, url: URL, group: Sequence[NumberedLine], mistakes: Mistakes
) -> Counter[Outcome]:
    body = b"\n".join(line for _, line in group)
    async with session.post(url, data=body, headers={"Content-Type": "application/x-ndjson"}) as response:
        answer = _read(response.status, await response.read())
    stopped = None
    for problem in answer.errors:
        if problem.line is None:
            stopped = problem.detail
        else:
            mistakes.note(group[problem.line - 1][0], problem.detail or "is wrong")
    for warning in answer.warnings or ():
        mistakes.warn(group[(warning.line or 1) - 1][0], warning.detail or "is odd")
    mistakes.note_unlisted(answer.errors_total - len(answer.errors))
    if response.status != HTTPStatus.OK:
        raise CannotDo(stopped or _answered(response.status))
    return Counter(
        {Outcome.CREATED: answer.created, Outcome.UPDATED: answer.updated, Outcome.UNCHANGED: answer.unchanged}
    )


def _read(status: int, body: bytes) -> BulkAnswer:
    try:
        return _answers.decode(body)
    except msgspec.MsgspecError as error:
        raise CannotDo(_answered(status)) from error


def _answered(status: int) -> str:
    """The error text of a response without one; proxies on the way send non-standard status codes."""
    phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else ""
    return f"it answered {status} {phrase}".rstrip()
