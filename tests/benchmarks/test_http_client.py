"""The client that measures a plain web server, against a real socket."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.http_client import HTTPClient
from benchmarks.runtime_api import PeerFailed

EVENT = b'{"rawPath": "/small"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[HTTPClient]:
    """A client whose server answers each request by `answer`, until that closes the connection."""
    client = HTTPClient()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client.address = f"127.0.0.1:{listener.getsockname()[1]}"

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while connection.fileno() >= 0 and connection.recv(65536):
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        with client:
            client.wait_until_polled(30)
            yield client
        thread.join()


def test_answers_in_any_pieces() -> None:
    def byte_by_byte(connection: socket.socket) -> None:
        for number in range(len(ANSWER)):
            connection.sendall(ANSWER[number : number + 1])

    with server(byte_by_byte) as client:
        answers = client.run([EVENT] * 3)
    assert [answer.content() for answer in answers] == [b"hello"] * 3
    assert all(
        answer.sent <= answer.sent + answer.first_byte() <= answer.ended for answer in answers
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunked_answers_in_any_pieces(size: int) -> None:
    wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"

    def in_pieces(connection: socket.socket) -> None:
        for start in range(0, len(wire), size):
            connection.sendall(wire[start : start + size])

    with server(in_pieces) as client:
        answers = client.run([EVENT] * 3)
    assert [answer.content() for answer in answers] == [b"hello"] * 3


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n"


@pytest.mark.parametrize("sent", [b"", ANSWER[:10], ANSWER[:-1], CHUNKED])
def test_a_connection_closed_before_the_answer_has_ended(sent: bytes) -> None:
    """A server closes after its keep-alive time: the client stops at once and does not spin."""

    def break_off(connection: socket.socket) -> None:
        connection.sendall(sent)
        connection.close()

    with server(break_off) as client, pytest.raises(PeerFailed, match="closed the connection"):
        client.run([EVENT])


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_an_answer_that_is_none(head: bytes) -> None:
    with (
        server(lambda connection: connection.sendall(head)) as client,
        pytest.raises(PeerFailed, match="expected"),
    ):
        client.run([EVENT])
