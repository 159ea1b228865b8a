"""What stands between a sender and the daemon, and fails in a stated way, once for each connection."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

Fault = Callable[[socket.socket, int], None]
"""What is done with a connection of a client; the number is the daemon's port."""

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BUSY = UNAVAILABLE.replace(b"503 Service Unavailable", b"429 Too Many Requests\r\nRetry-After: 1")


def hang_up(_client: socket.socket, _port: int) -> None:
    """Nothing of the request is read."""


def answer_unavailable(client: socket.socket, _port: int) -> None:
    """503, and the daemon hears nothing of it."""
    request(client)
    client.sendall(UNAVAILABLE)


def answer_busy(client: socket.socket, _port: int) -> None:
    """429, to be tried again after a second."""
    request(client)
    client.sendall(BUSY)


def cut_after_request(client: socket.socket, port: int) -> None:
    """The daemon keeps the event, and the sender does not hear of it."""
    _answer(request(client), port)


def cut_answer(client: socket.socket, port: int) -> None:
    """The sender hears half of the answer."""
    answer = _answer(request(client), port)
    client.sendall(answer[: len(answer) - 20])


def be_slow(client: socket.socket, port: int) -> None:
    """The daemon keeps the event, and the answer comes when the sender has given up waiting for it."""
    answer = _answer(request(client), port)
    while client.recv(65536):
        """Until the sender hangs up."""
    client.sendall(answer)


def answer_drop_by_drop(client: socket.socket, _port: int) -> None:
    """Each byte comes soon enough, and the answer never."""
    request(client)
    client.settimeout(0.2)
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Drops: ")
    while True:
        try:
            if not client.recv(1):
                return
        except TimeoutError:
            client.sendall(b".")


def pass_on(client: socket.socket, port: int) -> None:
    """What is done when there are no more faults."""
    client.sendall(_answer(request(client), port))


@contextmanager
def front(port: int, faults: Sequence[Fault]) -> Iterator[str]:
    """Listens in front of a daemon and gives the URL."""
    left = list(faults)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, port, left), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert left == [], "not every fault was met"


def _serve(listener: socket.socket, port: int, left: list[Fault]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            fault = left.pop(0) if left else pass_on
            threading.Thread(target=_meet, args=(client, port, fault), daemon=True).start()


def _meet(client: socket.socket, port: int, fault: Fault) -> None:
    with client, suppress(OSError):
        fault(client, port)


def request(client: socket.socket) -> bytes:
    """A whole request, made the last one of its connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(client)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _more(client)
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*kept, b"Connection: close", b"", body])


def _more(client: socket.socket) -> bytes:
    data = client.recv(65536)
    if not data:
        raise ConnectionResetError
    return data


def _answer(sent: bytes, port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as server:
        server.sendall(sent)
        return b"".join(iter(lambda: server.recv(65536), b""))
