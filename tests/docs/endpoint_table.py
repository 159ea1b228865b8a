"""The manual's table of endpoints, made by asking a daemon that has keys."""

from http import HTTPStatus

from tests.docs.living import READ_KEY, Documented

HEADING = ("method", "path", "key", "what")


def rows(daemon: Documented) -> list[tuple[str, ...]]:
    """Every operation that the daemon describes, in its order."""
    paths = daemon.json("/openapi.json")["paths"]
    return [
        (f"`{method.upper()}`", f"`{path}`", _right(daemon, method.upper(), path), operation["summary"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]


def _right(daemon: Documented, method: str, path: str) -> str:
    """What a key must allow, as refusals tell: nothing of what is tried is a request that changes anything."""
    if path.startswith("/-/"):
        return ""
    path = path.replace("{id}", "of-no-event-at-all").replace("{source}", "of-this-name-there-is-none")
    if daemon.status(method, path) != HTTPStatus.FORBIDDEN:
        return ""
    return "write" if daemon.status(method, path, READ_KEY) == HTTPStatus.FORBIDDEN else "read"
