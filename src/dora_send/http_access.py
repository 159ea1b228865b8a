"""One HTTP request within a time, through the proxies of the environment, and never to where a server redirects."""

from __future__ import annotations

import ssl
import threading
from email.message import Message
from http.client import HTTPException, HTTPResponse, IncompleteRead
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from dora_send.exits import USAGE, Failed

_LONGEST_ANSWER = 1 << 20


class Unreachable(Exception):
    """There was no answer; another attempt may have one."""


class Untrusted(Exception):
    """The server's certificate is not trusted."""


class Answer:
    """What came back, with whatever status."""

    def __init__(self, status: int, headers: Message, body: bytes) -> None:
        """``body`` may be cut."""
        self.status = status
        self.headers = headers
        self.body = body


class _NoRedirection(HTTPRedirectHandler):
    """A redirected request would take the key to another server, and lose its body on the way."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


def opener(context: ssl.SSLContext) -> OpenerDirector:
    """Sends requests, with TLS as the context says."""
    return build_opener(_NoRedirection, HTTPSHandler(context=context))


def answer(sender: OpenerDirector, request: Request, seconds: float) -> Answer:
    """The answer to a request; raises ``Unreachable`` or ``Untrusted``.

    It is waited for in a thread: no other limit holds for names that are looked up and for answers that come a byte
    at a time.
    """
    outcome: list[Answer | Exception] = []

    def work() -> None:
        try:
            outcome.append(_answer(sender, request, seconds))
        except Exception as error:  # noqa: BLE001  # raised again where the answer is waited for
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise Unreachable("no answer in time")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _answer(sender: OpenerDirector, request: Request, seconds: float) -> Answer:
    try:
        with sender.open(request, timeout=seconds) as response:
            return Answer(response.status, response.headers, _body(response))
    except HTTPError as error:
        with error:
            return Answer(error.code, error.headers, _body(error))
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise Untrusted(reason.verify_message) from None
        raise Unreachable(_said(reason)) from None
    except ValueError:  # what it says may have a password in it
        raise Failed(USAGE, "the URL of the server or of the proxy cannot be used") from None


def _body(response: HTTPResponse | HTTPError) -> bytes:
    body: bytes = response.read(_LONGEST_ANSWER)
    if len(body) < _LONGEST_ANSWER and getattr(response, "length", None):
        raise IncompleteRead(body)
    return body


def _said(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, IncompleteRead):
        return "the answer was cut"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
