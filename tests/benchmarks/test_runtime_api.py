"""The measuring server through a real socket, with a runtime that writes what a test tells it."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from benchmarks.framing import DELIMITER
from benchmarks.runtime_api import READ_SIZE, Answer, PeerFailed, RuntimeAPI
from tests.patience import PATIENCE

EVENT = json.dumps({"rawPath": "/small"}).encode()
PRELUDE = b'{"statusCode":200}' + DELIMITER
STREAMED = b"%x\r\n%b\r\n3\r\nabc\r\n0\r\n\r\n" % (len(PRELUDE), PRELUDE)
RESULT = json.dumps({"statusCode": 200, "body": "abc"}).encode()
BROKEN_OFF = (
    b"%x\r\n%b\r\n3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.Boom\r\n"
    b"Lambda-Runtime-Function-Error-Body: e30=\r\n\r\n" % (len(PRELUDE), PRELUDE)
)


class Runtime:
    """The other side: one connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def next(self) -> tuple[str, bytes]:
        """Request id and event."""
        self.send([b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"])
        head, body = self.reply()
        return head["lambda-runtime-aws-request-id"], body

    def send(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def answer(self, request_id: str, body: bytes, *, chunked: bool, to: str = "response") -> bytes:
        """The bytes of an answer."""
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
        path = f"/2018-06-01/runtime/invocation/{request_id}/{to}".encode()
        return b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n%b" % (path, length, body)

    def reply(self) -> tuple[dict[str, str], bytes]:
        """Headers, body. Raises EOFError where the server has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._received()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
        headers = {name.lower(): value for name, _, value in lines}
        while len(body) < int(headers["content-length"]):
            body += self._received()
        return headers, body

    def _received(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise EOFError
        return data

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def runtime(act: Callable[[Runtime], None], count: int = 1) -> Iterator[RuntimeAPI]:
    """A server, and `count` runtimes. Each does `act`, until it is done or the server has gone."""

    def play(other: Runtime) -> None:
        with contextlib.suppress(EOFError, ConnectionError, threading.BrokenBarrierError):
            act(other)

    with contextlib.ExitStack() as stack, RuntimeAPI() as server:
        for _ in range(count):
            other = Runtime(server.address)
            stack.callback(other.close)
            thread = threading.Thread(target=play, args=(other,))
            thread.start()
            stack.callback(thread.join, 20)
        yield server


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def always(
    body: bytes, cut: Callable[[bytes], list[bytes]] = whole, **how: bool | str
) -> Callable[[Runtime], None]:
    """A runtime that gives this answer to everything."""

    def act(other: Runtime) -> None:
        while True:
            request_id, event = other.next()
            assert event == EVENT
            other.send(cut(other.answer(request_id, body, **how)))  # type: ignore[arg-type]  # chunked, to
            other.reply()

    return act


ANSWERS = pytest.mark.parametrize(
    ("body", "chunked"), [(STREAMED, True), (RESULT, False)], ids=["chunked", "length"]
)


@ANSWERS
def test_an_answer_split_at_every_byte(body: bytes, chunked: bool) -> None:
    def act(other: Runtime) -> None:
        place = 0
        while True:
            request_id, _ = other.next()
            data = other.answer(request_id, body, chunked=chunked)
            place += 1
            other.send([data[: place % len(data)], data[place % len(data) :]])
            other.reply()

    with runtime(act) as server:
        server.wait_until_polled(20)
        answers = server.run([EVENT] * 400)
    assert {answer.content() for answer in answers} == {b"abc"}
    assert {answer.received for answer in answers} == {len(body)}
    assert all(answer.sent <= answer.pieces[0][0] <= answer.ended for answer in answers)


@ANSWERS
def test_an_answer_byte_by_byte(body: bytes, chunked: bool) -> None:
    with runtime(always(body, byte_by_byte, chunked=chunked)) as server:
        server.wait_until_polled(20)
        [answer] = server.run([EVENT])
    assert answer.content() == b"abc"
    assert 0 < answer.first_byte() <= answer.ended - answer.sent


def test_the_first_byte_is_that_of_the_content() -> None:
    prelude_alone = STREAMED.index(b"3\r\nabc")
    pieces = [(1.0, STREAMED[:prelude_alone]), (2.0, STREAMED[prelude_alone:])]
    assert Answer(sent=0.5, ended=3.0, pieces=pieces).first_byte() == 1.5
    # A buffered result is passed on at its end, and an HTTP answer as it comes.
    assert Answer(sent=0.5, ended=3.0, pieces=[(1.0, RESULT)], chunked=False).first_byte() == 2.5
    assert (
        Answer(sent=0.5, ended=3.0, pieces=[(1.0, b""), (2.0, b"abc")], plain=True).first_byte()
        == 1.5
    )


def test_content_within_a_piece_that_looks_like_the_end() -> None:
    content = b"0\r\n\r\n" * 3
    wire = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(PRELUDE), PRELUDE, len(content), content)
    with runtime(always(wire, chunked=True)) as server:
        server.wait_until_polled(20)
        [answer] = server.run([EVENT])
    assert answer.content() == content


@pytest.mark.parametrize("cut", [whole, byte_by_byte])
def test_trailers_that_break_an_answer_off_are_a_failure(
    cut: Callable[[bytes], list[bytes]],
) -> None:
    with runtime(always(BROKEN_OFF, cut, chunked=True)) as server:
        server.wait_until_polled(20)
        with pytest.raises(PeerFailed, match=r"Runtime\.Boom"):
            server.run([EVENT])


def test_an_answer_that_is_an_error_is_a_failure() -> None:
    with runtime(always(b'{"errorMessage":"boom"}', chunked=False, to="error")) as server:
        server.wait_until_polled(20)
        with pytest.raises(PeerFailed, match="boom"):
            server.run([EVENT])


def test_an_answer_to_something_else_is_a_failure() -> None:
    def act(other: Runtime) -> None:
        other.next()
        other.send([other.answer("00000000-0000-4000-8000-999999999999", STREAMED, chunked=True)])
        other.reply()

    with runtime(act) as server:
        server.wait_until_polled(20)
        with pytest.raises(PeerFailed, match="not under way"):
            server.run([EVENT])


@pytest.mark.parametrize("chunked", [True, False])
def test_a_runtime_that_closes_in_mid_answer(chunked: bool) -> None:
    def act(other: Runtime) -> None:
        request_id, _ = other.next()
        other.send([other.answer(request_id, STREAMED, chunked=chunked)[:-1]])
        other.close()

    with runtime(act) as server:
        server.wait_until_polled(20)
        with pytest.raises(PeerFailed, match="middle of an answer"):
            server.run([EVENT])


def test_a_runtime_that_closes_instead_of_answering() -> None:
    def act(other: Runtime) -> None:
        other.next()
        other.close()

    with runtime(act) as server:
        server.wait_until_polled(20)
        server.alive = lambda: False
        with pytest.raises(PeerFailed, match="process has ended"):
            server.run([EVENT])


def test_an_error_before_the_first_invocation() -> None:
    def act(other: Runtime) -> None:
        body = b'{"errorMessage":"cannot import"}'
        head = (
            b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        other.send([head + body])
        other.reply()

    with runtime(act) as server, pytest.raises(PeerFailed, match="cannot import"):
        server.wait_until_polled(20)


def test_as_many_at_once_as_asked() -> None:
    """Three runtimes, two invocations at once: never three under way, and all are answered."""
    under_way = 0
    most = 0
    lock = threading.Lock()
    both = threading.Barrier(2, timeout=PATIENCE)

    def act(other: Runtime) -> None:
        nonlocal under_way, most
        while True:
            request_id, _ = other.next()
            with lock:
                under_way += 1
                most = max(most, under_way)
            both.wait()  # no answer before two are under way
            with lock:
                under_way -= 1
            other.send([other.answer(request_id, STREAMED, chunked=True)])
            other.reply()

    with runtime(act, count=3) as server:
        server.wait_until_polled(20, polls=3)
        answers = server.run([EVENT] * 8, at_once=2)
    assert [answer.content() for answer in answers] == [b"abc"] * 8
    assert most == 2


def test_what_is_beyond_the_first_bytes_is_counted_and_not_taken_for_all() -> None:
    content = b"x" * (2 * READ_SIZE)  # more than the server takes in one piece
    wire = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(PRELUDE), PRELUDE, len(content), content)
    with runtime(always(wire, lambda data: [data[:1000], data[1000:]], chunked=True)) as server:
        server.wait_until_polled(20)
        server.keep = 500
        [answer] = server.run([EVENT])
        server.keep = 10**9
        [kept] = server.run([EVENT])
    assert answer.received == kept.received == len(wire)
    assert kept.content() == content
    with pytest.raises(ValueError, match="not all were kept"):
        answer.content()
