"""An HTTPS proxy that leads every host name to one port, because ``datadog-ci`` cannot be told another server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def tunnel_to(port: int) -> Iterator[str]:
    """Starts the proxy in threads and gives its URL; every CONNECT ends at the port on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=_accept, args=(listener, port), daemon=True)
        acceptor.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()


def _accept(listener: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, port), daemon=True).start()


def _serve(client: socket.socket, port: int) -> None:
    with client, socket.create_connection(("127.0.0.1", port)) as server, suppress(OSError):
        head = b""
        while _END_OF_HEAD not in head and (data := client.recv(65536)):
            head += data
        assert head.startswith(b"CONNECT "), head
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        upward = threading.Thread(target=_copy, args=(client, server), daemon=True)
        upward.start()
        _copy(server, client)
        upward.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
