"""The same measurements of a plain web server, over HTTP instead of a Runtime API.

They are an upper reference, and a bound for what a Web Function can be.
"""

import json
import socket
import time
from collections.abc import Callable, Sequence
from typing import Self

from benchmarks.framing import Dechunker
from benchmarks.runtime_api import KEEP, READ_SIZE, Answer, PeerFailed


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class HTTPClient:
    """One kept-alive connection to the server that will listen at `address`.

    Answers have a content-length, or come in chunks.
    """

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.alive: Callable[[], bool] = lambda: True
        self.keep = KEEP
        self._socket: socket.socket | None = None
        self._buffer = bytearray(READ_SIZE)
        self._view = memoryview(self._buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def wait_until_polled(self, seconds: float, polls: int = 1) -> float:
        """Wait until the server listens. Raises PeerFailed."""
        host, _, port = self.address.rpartition(":")
        limit = time.perf_counter() + seconds
        while self._socket is None:
            try:
                self._socket = socket.create_connection((host, int(port)))
            except ConnectionRefusedError:
                if time.perf_counter() > limit:
                    raise PeerFailed(f"nobody listens at {self.address}") from None
                time.sleep(0.005)
        self._socket.settimeout(60)
        return time.perf_counter()

    def run(
        self, events: Sequence[bytes], *, at_once: int = 1, seconds: float = 60.0
    ) -> list[Answer]:
        """A GET for the path of each event, one after the other. Raises PeerFailed."""
        path = json.loads(events[0])["rawPath"]  # the same in all
        request = f"GET {path} HTTP/1.1\r\nHost: {self.address}\r\nAccept: */*\r\n\r\n".encode()
        return [self._get(request) for _ in events]

    def _get(self, request: bytes) -> Answer:
        assert self._socket is not None
        answer = Answer(chunked=False, plain=True)
        answer.sent = time.perf_counter()
        self._socket.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            more = self._socket.recv(65536)
            if not more:
                raise PeerFailed("the server closed the connection")
            head += more
        now = time.perf_counter()
        head, _, body = head.partition(b"\r\n\r\n")
        lower = head.lower()
        chunked = b"transfer-encoding: chunked" in lower
        if b" 200 " not in head[:16] or not (chunked or b"content-length: " in lower):
            raise PeerFailed(f"not the answer that was expected: {head[:300]!r}")
        if chunked:
            self._read_chunks(answer, now, body)
            return answer
        left = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(body)
        answer.pieces.append((now, body))
        answer.received = len(body)
        while left:
            size = self._socket.recv_into(self._buffer)
            if not size:
                raise PeerFailed("the server closed the connection")
            now = time.perf_counter()
            left -= size
            if answer.received < self.keep:
                answer.pieces.append((now, bytes(self._view[:size])))
            answer.received += size
        answer.ended = now
        return answer

    def _read_chunks(self, answer: Answer, now: float, wire: bytes) -> None:
        assert self._socket is not None
        dechunker = Dechunker()
        while True:
            if wire:
                piece = dechunker.feed(wire)
                if piece and answer.received < self.keep:
                    answer.pieces.append((now, piece))
                answer.received += len(piece)
            if dechunker.ended:
                answer.ended = now
                return
            wire = self._socket.recv(65536)
            if not wire:
                raise PeerFailed("the server closed the connection")
            now = time.perf_counter()
