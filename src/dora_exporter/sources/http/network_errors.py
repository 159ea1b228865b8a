"""Describes network errors without the text of the exception, which may contain a URL with secrets."""

import os
import ssl

import aiohttp


def in_words(reason: Exception) -> str:
    """Why a request got no answer."""
    if isinstance(reason, aiohttp.ClientProxyConnectionError):
        return f"the proxy {reason.host}:{reason.port} cannot be reached: {_of_connecting(reason)}"
    if isinstance(reason, aiohttp.ClientConnectorError):
        return _of_connecting(reason)
    if isinstance(reason, aiohttp.ClientHttpProxyError):
        return f"the proxy refused: status {reason.status}"
    return next((words for kind, words in _WORDS if isinstance(reason, kind)), f"no response ({type(reason).__name__})")


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "timeout while connecting"),
    (TimeoutError, "timeout"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before a response"),
    (ConnectionResetError, "the connection was reset"),
    (aiohttp.ClientPayloadError, "the response was truncated"),
    (aiohttp.ClientResponseError, "the response is not HTTP"),
    (aiohttp.InvalidURL, "the URL cannot be used"),
)


def _of_connecting(reason: aiohttp.ClientConnectorError) -> str:
    if isinstance(reason, aiohttp.ClientConnectorDNSError):
        return "unknown host name"
    if isinstance(reason, aiohttp.ClientConnectorCertificateError):
        return _of_certificate(reason.certificate_error)
    cause = reason.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _of_certificate(cause)
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {(cause.reason or 'unknown').replace('_', ' ').lower()}"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    return os.strerror(cause.errno).lower() if cause.errno else "no connection"


def _of_certificate(reason: Exception) -> str:
    said = reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else "it is for another host"
    return f"certificate not trusted: {said}"
