"""A PagerDuty in which nothing ever happens."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class _Nothing(BaseHTTPRequestHandler):
    """Answers every list with an empty one."""

    protocol_version = "HTTP/1.1"
    lists: ClassVar = ("incidents", "log_entries", "services")

    def do_GET(self) -> None:
        """Has the headers of a rate limit, too."""
        body = json.dumps({name: [] for name in self.lists} | {"limit": 100, "offset": 0, "more": False}).encode()
        headers = {"content-type": "application/json", "ratelimit-remaining": "900", "content-length": str(len(body))}
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keeps quiet."""


@contextmanager
def quiet_upstream() -> Iterator[str]:
    """Starts it in threads, and gives its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        server.daemon_threads = True
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()
