"""A proxy that breaks connections, cuts answers short, waits, and answers 429, 500 and 503."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_BUSY = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
)


@dataclass
class Chaos:
    """``rate``: which part of the requests goes wrong. ``delay``: seconds before each answer."""

    upstream: tuple[str, int]
    rate: float = 0.0
    delay: float = 0.0
    seed: int = 0
    requests: int = 0
    faults: int = 0
    bodies: list[str] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._open = False
        self._server.close()

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _chance(self) -> str:
        with self._guard:
            self.requests += 1
            if self._random.random() >= self.rate:
                return "fine"
            self.faults += 1
            return self._random.choice(("drop", "cut request", "cut answer", "busy", "late drop"))

    def _serve(self, client: socket.socket) -> None:
        """Pass requests of one connection on, one after the other."""
        with suppress(OSError), client, socket.create_connection(self.upstream) as server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader, answers = client.makefile("rb"), server.makefile("rb")
            while (head := _head(reader)) is not None:
                with self._guard:
                    self.bodies.append(head.split(b"\r\n", 1)[0].decode("latin-1"))
                fault = self._chance()
                length = _length(head)
                if fault == "drop":
                    return
                if fault == "busy":
                    _skip(reader, length)
                    client.sendall(self._random.choice(_BUSY))
                    if length > 1 << 16:
                        return
                    continue
                server.sendall(head)
                if fault == "cut request" and length:
                    _copy(reader, server, length // 2)
                    return
                _copy(reader, server, length)
                answer = _head(answers)
                if answer is None or fault == "late drop":
                    return
                if self.delay:
                    time.sleep(self.delay)
                size = 0 if head.startswith(b"HEAD") else _length(answer)
                client.sendall(answer)
                if fault == "cut answer" and size:
                    _copy(answers, client, size // 2)
                    return
                _copy(answers, client, size)


def _head(stream) -> bytes | None:
    lines = []
    while line := stream.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return None


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _copy(source, goal: socket.socket, length: int) -> None:
    while length > 0:
        piece = source.read1(min(length, 1 << 18))
        if not piece:
            raise OSError("ended")
        goal.sendall(piece)
        length -= len(piece)


def _skip(source, length: int) -> None:
    while length > 0:
        piece = source.read1(min(length, 1 << 18))
        if not piece:
            raise OSError("ended")
        length -= len(piece)


@contextmanager
def chaos(host: str, **how) -> Iterator[Chaos]:
    """Run a proxy before ``host:port``."""
    name, _, port = host.partition(":")
    made = Chaos((name, int(port)), **how)
    try:
        yield made
    finally:
        made.close()
