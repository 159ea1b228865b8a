"""A TCP proxy in front of a server that a test cuts, closes, freezes and slows down."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.storage.postgresql.servers import LOOPBACK

_ABORT_AT_CLOSE = struct.pack("ii", 1, 0)
_PIECE_BYTES = 65536


@dataclass(eq=False)
class Link:
    """A client's connection, and the one to the server that belongs to it."""

    client: socket.socket
    server: socket.socket

    def cut(self) -> None:
        """Ends both without a word of farewell."""
        for side in (self.client, self.server):
            with suppress(OSError):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_AT_CLOSE)
                side.shutdown(socket.SHUT_RDWR)


@dataclass(eq=False)
class Proxy:
    """A running proxy. It does as it is told until it is told otherwise."""

    target_port: int
    port: int = 0
    delay_seconds: float = 0.0
    links: set[Link] = field(default_factory=set)
    connections: int = 0
    """How many there have been."""
    rewrite: Mapping[bytes, bytes] = field(default_factory=dict)
    """What the server says, and what the client hears in its place; both equally long."""

    def __post_init__(self) -> None:
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = threading.Event()
        self._mutex = threading.Lock()
        self._bytes_left: int | None = None
        self._last_words: bytes | None = None
        self._then: Callable[[], None] = self.cut
        self._listener: socket.socket | None = None
        self.accept()

    def accept(self) -> None:
        """Takes connections, which it does from the start."""
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port))
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Takes no more connections; those that are there stay."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def cut(self) -> None:
        """Ends all connections."""
        with self._mutex:
            links = list(self.links)
        for each in links:
            each.cut()

    def freeze_when_said(self, words: bytes) -> None:
        """Freezes once clients have sent a message with these words, which still arrives."""
        self._last_words = words

    def cut_after(self, number_of_bytes: int) -> None:
        """Ends all connections once clients have sent so many more bytes, in the middle of a message if need be."""
        with self._mutex:
            self._bytes_left, self._then = number_of_bytes, self.cut

    def freeze(self) -> None:
        """No byte passes any more, but connections stay and are taken, as behind a router that lost its route."""
        self._flowing.clear()

    def freeze_after(self, number_of_bytes: int) -> None:
        """Freezes once clients have sent so many more bytes, in the middle of a message if need be."""
        with self._mutex:
            self._bytes_left, self._then = number_of_bytes, self.freeze

    @property
    def is_frozen(self) -> bool:
        """Whether no byte passes."""
        return not self._flowing.is_set()

    def thaw(self) -> None:
        """What was held back arrives, and the rest flows."""
        with self._mutex:
            self._bytes_left = self._last_words = None
        self._flowing.set()

    def delay(self, seconds: float) -> None:
        """Each piece arrives so much later."""
        self.delay_seconds = seconds

    def close(self) -> None:
        """Ends everything."""
        self.refuse()
        self._closed.set()
        self.thaw()
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection((LOOPBACK, self.target_port)) as server:
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(client, server)
            with self._mutex:
                self.links.add(link)
                is_refused = self._listener is None  # it was taken a moment before
            if is_refused:
                link.cut()
            back = threading.Thread(target=self._copy, args=(link, server, client), daemon=True)
            back.start()
            self._copy(link, client, server)
            back.join()
            with self._mutex:
                self.links.discard(link)

    def _copy(self, link: Link, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                self._closed.wait(self.delay_seconds)
                self._flowing.wait()
                passing = self._let_through(data) if source is link.client else self._rewritten(data)
                target.sendall(passing)
                if self._last_words and source is link.client and self._last_words in data:
                    self.freeze()
                if len(passing) < len(data):
                    self._then()
                    self._flowing.wait()
                    target.sendall(data[len(passing) :])
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _rewritten(self, data: bytes) -> bytes:
        for said, heard in self.rewrite.items():
            data = data.replace(said, heard)
        return data

    def _let_through(self, data: bytes) -> bytes:
        with self._mutex:
            if self._bytes_left is None:
                return data
            passing = data[: self._bytes_left]
            self._bytes_left = self._bytes_left - len(passing) if len(passing) == len(data) else None
            return passing


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Starts one, and ends it."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
