"""A Lambda Runtime API that is no bottleneck.

It has one thread and plain sockets, and parses nothing that can wait until afterwards.

It hands out invocations, reads the answers, and notes when each piece came: every time is taken on
this side of the socket, with the clock that all processes of a machine share.
What came is looked at when the clock has stopped.
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from benchmarks import framing

# How much is read at once, and how much of a body is kept. What is beyond is counted, not kept.
READ_SIZE = 1024 * 1024
KEEP = 16 * 1024 * 1024

# Chunks are not followed while the clock runs:
# a body has ended when what has come so far ends like this.
# So no content that is asked for has a carriage return.
END_OF_CHUNKS = b"\r\n0\r\n\r\n"
# A streamed answer that is broken off ends with trailers instead.
# They are looked for in the last bytes that came.
BROKEN_OFF = b"\r\n0\r\nlambda-runtime-function-error-"
TAIL = 4096

# Without this, Linux may hold an acknowledgement back for 40 ms. A client that waits for it before
# its next small write (Nagle's algorithm; AWS's client for Rust) then sits idle for as long.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only

ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    + b'{"status":"OK"}\n'
)
REGISTERED = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: bench\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class PeerFailed(Exception):
    """A peer answered with an error, closed the connection in mid-answer, or took too long."""


@dataclass(slots=True)
class Answer:
    """One invocation, times by time.perf_counter() in seconds."""

    sent: float = 0.0
    ended: float = 0.0
    received: int = 0
    """Bytes on the wire after the request's head."""
    chunked: bool = True
    plain: bool = False
    """An HTTP response's body: no prelude, no JSON around it."""
    failed: bool = False
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    """When each piece came, and the piece: the first KEEP bytes."""

    def content(self) -> bytes:
        """What the client of a Function URL would get.

        Raises ValueError for an answer that is none.
        """
        return b"".join(self.in_pieces())

    def in_pieces(self) -> Iterator[bytes]:
        """The content as it came, without a second copy of it.

        Raises ValueError, also where not all of it was kept.
        """
        if sum(len(piece) for _, piece in self.pieces) != self.received:
            raise ValueError(f"{self.received} bytes came, and not all were kept")
        raw = (piece for _, piece in self.pieces)
        if self.plain:
            return raw
        return (
            framing.content_of_stream(raw)
            if self.chunked
            else iter((framing.content_of_result(b"".join(raw)),))
        )

    def first_byte(self) -> float:
        """Seconds to the first byte of content."""
        if self.plain:
            return next(when for when, piece in self.pieces if piece) - self.sent
        if not self.chunked:
            return self.ended - self.sent  # a buffered answer reaches nobody before its end
        return framing.arrivals(self.pieces[:64])[0][1] - self.sent


class Connection:
    """One connection of a runtime: requests in, replies out."""

    __slots__ = ("answer", "keep", "left", "raw", "socket", "tail", "waiting")

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.raw = b""
        self.answer: Answer | None = None
        self.left: int | None = None
        """Bytes of a body with a length that are still to come; None for a chunked one."""
        self.tail = b""
        self.waiting = False

    def expect_body(self, head: bytes) -> None:
        """Read how the body will end. `head` is in lower case."""
        self.left, self.tail = None, b"\r\n"
        if b"\r\ntransfer-encoding: chunked" not in head:
            length = head.partition(b"\r\ncontent-length:")[2]
            self.left = int(length.partition(b"\r\n")[0])


class RuntimeAPI:
    """`run` feeds invocations to whatever runtimes ask for them at `address`."""

    def __init__(self, *, delayed: bool = False) -> None:
        """`delayed`: acknowledgements come when the system sends them, not at once."""
        self._quick = None if delayed else QUICKACK
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._buffer = bytearray(READ_SIZE)
        self._view = memoryview(self._buffer)
        self._idle: deque[Connection] = deque()
        self._answers: dict[bytes, Answer] = {}
        self._count = 0
        self._done = 0
        self.keep = KEEP
        """How many bytes of an answer are kept: the first ones."""
        self.init_error: bytes | None = None
        self.alive: Callable[[], bool] = lambda: True
        """Asked when nothing has come for a while."""
        self.stall: Callable[[Answer], None] | None = None
        """Called before each read of an answer: a reader that is slow."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def wait_until_polled(self, seconds: float, polls: int = 1) -> float:
        """Wait for `polls` runtimes to ask for work.

        The time of the last request.
        Raises PeerFailed.
        """
        limit = time.perf_counter() + seconds
        while len(self._idle) < polls:
            self._turn(limit)
            if self.init_error is not None:
                raise PeerFailed(f"init error: {self.init_error.decode(errors='replace')}")
        return time.perf_counter()

    def run(
        self, events: Sequence[bytes], *, at_once: int = 1, seconds: float = 60.0
    ) -> list[Answer]:
        """Have each event answered, `at_once` at a time.

        Returns when the last is, and its runtime asks for more.

        Raises PeerFailed.
        """
        answers: list[Answer] = []
        limit = time.perf_counter() + seconds
        self._done = 0
        total = len(events)
        while self._done < total:
            while self._idle and len(answers) < total and len(answers) - self._done < at_once:
                answers.append(self._send(self._idle.popleft(), events[len(answers)]))
            self._turn(limit)
        while not self._idle:
            self._turn(limit)
        for answer in answers:
            if answer.failed:
                said = b"".join(piece for _, piece in answer.pieces)
                raise PeerFailed(f"the runtime reported an error: {said[:500]!r}")
        return answers

    def _send(self, connection: Connection, event: bytes) -> Answer:
        self._count += 1
        request_id = b"00000000-0000-4000-8000-%012d" % self._count
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Lambda-Runtime-Aws-Request-Id: %b\r\n"
            b"Lambda-Runtime-Deadline-Ms: %d\r\n"
            b"Lambda-Runtime-Invoked-Function-Arn: "
            b"arn:aws:lambda:eu-west-1:123456789012:function:bench\r\n"
            b"Lambda-Runtime-Trace-Id: "
            b"Root=1-6a1c52d0-000000000000000000000001;Parent=0000000000000001;Sampled=0\r\n"
            b"Content-Length: %d\r\n\r\n"
            % (request_id, int(time.time() * 1000) + 300_000, len(event))
        )
        answer = self._answers[request_id] = Answer()
        connection.waiting = False
        answer.sent = time.perf_counter()
        connection.socket.sendall(head + event)
        return answer

    def _turn(self, limit: float) -> None:
        ready = self._selector.select(0.2)
        if not ready and not self.alive():
            raise PeerFailed("its process has ended")
        if not ready and time.perf_counter() > limit:
            raise PeerFailed("no answer in time")
        for key, _ in ready:
            if key.data is None:
                accepted, _ = self._listener.accept()
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(accepted, selectors.EVENT_READ, Connection(accepted))
            else:
                self._read(key.data)

    def _read(self, connection: Connection) -> None:
        answer = connection.answer
        if answer is not None and self.stall is not None:
            self.stall(answer)
        try:
            size = connection.socket.recv_into(self._buffer)
        except ConnectionError:
            size = 0
        now = time.perf_counter()
        if self._quick is not None:  # each time: Linux forgets it
            connection.socket.setsockopt(socket.IPPROTO_TCP, self._quick, 1)
        if size == 0:
            self._selector.unregister(connection.socket)
            connection.socket.close()
            if connection.waiting:
                self._idle.remove(connection)
            if answer is not None:
                raise PeerFailed("the connection was closed in the middle of an answer")
            return
        if answer is not None:
            self._body(
                connection,
                answer,
                bytes(self._view[:size]) if answer.received < self.keep else None,
                size,
                now,
            )
            return
        data = connection.raw + self._buffer[:size] if connection.raw else bytes(self._view[:size])
        head, blank, rest = data.partition(b"\r\n\r\n")
        if not blank:
            connection.raw = data
            return
        connection.raw = b""
        self._request(connection, head, rest, now)

    def _request(self, connection: Connection, head: bytes, rest: bytes, now: float) -> None:
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            self._next(connection, path)
            return
        lower = head.lower()
        given = self._answers.pop(path.split(b"/")[-2], None)
        if given is None and b"/invocation/" in path:
            raise PeerFailed(
                f"an answer to an invocation that is not under way: {path.decode(errors='replace')}"
            )
        answer = connection.answer = given or Answer()
        answer.failed = not path.endswith((b"/response", b"/register"))
        connection.expect_body(lower)
        answer.chunked = connection.left is None
        if b"\r\nexpect: 100-continue" in lower and not rest:
            connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if path.endswith(b"/extension/register"):
            connection.answer = None
            connection.socket.sendall(REGISTERED)
        elif path.endswith(b"/init/error"):
            self.init_error = rest or b"(no text)"
        elif rest or connection.left == 0:
            self._body(connection, answer, rest, len(rest), now)

    def _next(self, connection: Connection, path: bytes) -> None:
        """The peer waits for an invocation, or an extension for an event: none ever comes."""
        if path.endswith(b"/invocation/next"):
            connection.waiting = True
            self._idle.append(connection)
        elif path.endswith(b"/restore/next"):
            connection.socket.sendall(OK)

    def _body(
        self, connection: Connection, answer: Answer, piece: bytes | None, size: int, now: float
    ) -> None:
        answer.received += size
        if piece is not None:
            answer.pieces.append((now, piece))
        if connection.left is not None:
            connection.left -= size
            if connection.left > 0:
                return
        else:
            end = (
                piece[-TAIL:]
                if piece is not None
                else bytes(self._view[max(0, size - TAIL) : size])
            )
            connection.tail = end if len(end) == TAIL else (connection.tail + end)[-TAIL:]
            if not connection.tail.endswith(b"\r\n\r\n"):
                return
            if not connection.tail.endswith(END_OF_CHUNKS):
                if BROKEN_OFF not in connection.tail.lower():
                    return
                answer.failed = True
        connection.socket.sendall(ACCEPTED)
        answer.ended = now
        connection.answer = None
        self._done += 1
