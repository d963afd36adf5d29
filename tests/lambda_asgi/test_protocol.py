"""The Runtime API's wire: our requests as h11 reads them, and replies in pieces of any size."""

import base64
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi import _error_report
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._runtime_api.protocol import (
    LAST_CHUNK,
    Reply,
    ReplyParser,
    Requests,
    checked,
    chunk,
    error_trailers,
)
from lambda_asgi.errors import ConnectionToRuntimeAPILost, ResponseRefused, ResponseTooLarge

REQUESTS = Requests("127.0.0.1:9001", "1.2.3")
ERROR = ErrorReport("Runtime.UserException", "KeyError", "'a\u2603'", ("Traceback", "KeyError"))


def read(wire: bytes) -> tuple[h11.Request, bytes, dict[bytes, bytes]]:
    """What another HTTP implementation reads: exactly one request, its body and its trailers."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(wire)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data == (b"", False)
    return request, body, dict(event.headers)


def fields(request: h11.Request) -> dict[str, str]:
    names = [name for name, _ in request.headers]
    assert len(names) == len(set(names))
    return {name.decode(): value.decode() for name, value in request.headers}


@pytest.mark.parametrize(
    ("make", "method", "path"),
    [
        (lambda: REQUESTS.next, b"GET", b"/2018-06-01/runtime/invocation/next"),
        (lambda: REQUESTS.restore_next, b"GET", b"/2018-06-01/runtime/restore/next"),
        (
            lambda: REQUESTS.next_extension_event(b"id-1"),
            b"GET",
            b"/2020-01-01/extension/event/next",
        ),
        (
            lambda: REQUESTS.register_extension("lambda-asgi"),
            b"POST",
            b"/2020-01-01/extension/register",
        ),
        (lambda: REQUESTS.init_error(ERROR), b"POST", b"/2018-06-01/runtime/init/error"),
        (lambda: REQUESTS.restore_error(ERROR), b"POST", b"/2018-06-01/runtime/restore/error"),
        (
            lambda: REQUESTS.invocation_error("r-1", None, ERROR),
            b"POST",
            b"/2018-06-01/runtime/invocation/r-1/error",
        ),
        (
            lambda: REQUESTS.buffered_response("r-1", None, b"{}"),
            b"POST",
            b"/2018-06-01/runtime/invocation/r-1/response",
        ),
    ],
)
def test_requests(make: Callable[[], bytes], method: bytes, path: bytes) -> None:
    request, body, _ = read(make())
    assert (request.method, request.target, request.http_version) == (method, path, b"1.1")
    headers = fields(request)
    assert headers["host"] == "127.0.0.1:9001"
    assert headers["user-agent"].startswith("lambda-asgi/1.2.3 python/3.")
    assert headers.get("content-length") == (str(len(body)) if method == b"POST" else None)
    if path.endswith(b"/error"):
        assert headers["lambda-runtime-function-error-type"] == "Runtime.UserException"
        assert json.loads(body) == {
            "errorMessage": "'a\u2603'",
            "errorType": "KeyError",
            "stackTrace": ["Traceback", "KeyError"],
        }


def test_register_extension_asks_for_no_events() -> None:
    request, body, _ = read(REQUESTS.register_extension("lambda-asgi"))
    assert fields(request)["lambda-extension-name"] == "lambda-asgi"
    assert json.loads(body) == {"events": []}
    request, _, _ = read(REQUESTS.next_extension_event(b"id-1"))
    assert fields(request)["lambda-extension-identifier"] == "id-1"


@pytest.mark.parametrize("invocation_id", [None, "nonce=="])
def test_invocation_id_is_echoed_never_invented(invocation_id: str | None) -> None:
    streamed = REQUESTS.streamed_response("r-1", invocation_id) + LAST_CHUNK
    for wire in (
        streamed,
        REQUESTS.buffered_response("r-1", invocation_id, b"1"),
        REQUESTS.invocation_error("r-1", invocation_id, ERROR),
    ):
        assert fields(read(wire)[0]).get("lambda-runtime-invocation-id") == invocation_id


@given(st.lists(st.lists(st.binary(max_size=300), max_size=4), max_size=4))
def test_streamed_response(chunks: list[list[bytes]]) -> None:
    head = REQUESTS.streamed_response("r-1", "n")
    wire = b"".join(b"".join(chunk(parts, sum(map(len, parts)))) for parts in chunks)
    request, read_body, trailers = read(head + wire + LAST_CHUNK)
    headers = fields(request)
    assert (request.method, request.target) == (
        b"POST",
        b"/2018-06-01/runtime/invocation/r-1/response",
    )
    assert headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert headers["lambda-runtime-function-response-mode"] == "streaming"
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers
    assert (read_body, trailers) == (b"".join(map(b"".join, chunks)), {})


def test_error_trailers_are_the_announced_ones() -> None:
    head = REQUESTS.streamed_response("r-1", None)
    request, body, trailers = read(head + b"3\r\nabc\r\n" + error_trailers(ERROR))
    assert body == b"abc"
    announced = {name.strip().lower() for name in fields(request)["trailer"].split(",")}
    assert announced == {name.decode() for name in trailers}
    assert trailers[b"lambda-runtime-function-error-type"] == b"Runtime.UserException"
    document = json.loads(
        base64.b64decode(trailers[b"lambda-runtime-function-error-body"], validate=True)
    )
    assert document == json.loads(ERROR.as_json())


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_function_error_of() -> None:
    assert ErrorReport.of(ResponseTooLarge("x"))[:3] == (
        "Runtime.ResponseTooLarge",
        "ResponseTooLarge",
        "x",
    )
    assert ErrorReport.of(KeyError("x"))[:3] == ("Runtime.UserException", "KeyError", "'x'")
    try:
        raise ValueError("in here")
    except ValueError as error:
        stack = ErrorReport.of(error).stack_trace
    assert stack[-1] == "ValueError: in here"
    assert "test_function_error_of" in "".join(stack)


def test_an_exception_without_a_text_is_still_reported() -> None:
    error = ErrorReport.of(Unprintable())
    assert error.message == "(its text cannot be had: str() raised RuntimeError)"
    json.loads(error.as_json())


def test_a_long_error_keeps_the_innermost_frames() -> None:
    frames = tuple(f'  File "app.py", line {number}, in call' for number in range(10_000))
    document = json.loads(ErrorReport("Runtime.X", "E", "short", frames).as_json(2000))
    assert document["errorMessage"] == "short"
    assert document["stackTrace"] == list(frames[-len(document["stackTrace"]) :])
    assert len(document["stackTrace"]) > 30


@given(
    name=st.text(max_size=5000),
    message=st.text() | st.sampled_from("a\0\u2603\U0001f600\ud800").map(lambda c: c * 50_000),
    frames=st.lists(st.text(max_size=9000), max_size=8),
)
def test_error_trailers_fit_into_the_buffer_of_a_go_server(
    name: str, message: str, frames: list[str]
) -> None:
    error = ErrorReport("Runtime.DeadlineExceeded", name, message, tuple(frames))
    trailers = error_trailers(error).removeprefix(b"0\r\n")
    assert len(trailers) <= 4096
    assert len(error.as_json()) <= _error_report.LARGEST
    body = trailers.split(b"\r\n")[1].partition(b": ")[2]
    assert name.startswith(json.loads(base64.b64decode(body))["errorType"])


# Replies.

WHOLE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/json\r\nX-Empty:\r\nContent-Length: 5\r\n"
    b"\r\nhello"
)
REPLIES = {
    "content-length": (WHOLE, 200, b"hello", True),
    "empty": (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, b"", True),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX-Trailer: a\r\n\r\n",
        200,
        b"hello",
        True,
    ),
    "close": (
        b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        202,
        b"ok",
        False,
    ),
    "http/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + WHOLE,
        200,
        b"hello",
        True,
    ),
    "no reason": (b"HTTP/1.1 410 \r\nContent-Length: 1\r\n\r\nx", 410, b"x", True),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
}


def fed(pieces: Iterable[bytes]) -> list[Reply]:
    parser = ReplyParser()
    return [reply for piece in pieces if (reply := parser.feed(piece)) is not None]


def fields_of(reply: Reply) -> tuple[int, dict[bytes, bytes], bytes, bool]:
    return reply.status, reply.headers, reply.body, reply.keep_alive


def in_pieces(wire: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted(cuts), len(wire)]
    return [wire[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize("case", REPLIES)
def test_replies_whole_byte_by_byte_and_cut_anywhere(case: str) -> None:
    wire, status, body, keep_alive = REPLIES[case]
    every_way = [
        [wire],
        [bytes([byte]) for byte in wire],
        *([wire[:i], wire[i:]] for i in range(1, len(wire))),
    ]
    for pieces in every_way:
        (reply,) = fed(pieces)
        assert (reply.status, reply.body, reply.keep_alive) == (status, body, keep_alive)


@given(st.sampled_from([wire for wire, _, _, keep in REPLIES.values() if keep]), st.data())
def test_one_reply_after_another(wire: bytes, data: st.DataObject) -> None:
    parser = ReplyParser()
    for _ in range(3):
        cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=4))
        replies = [reply for piece in in_pieces(wire, cuts) if (reply := parser.feed(piece))]
        assert list(map(fields_of, replies)) == list(map(fields_of, fed([wire])))


def test_header_names_are_lower_case_and_the_last_of_two_counts() -> None:
    (reply,) = fed(
        [b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"]
    )
    assert reply.headers == {b"x-a": b"2", b"x-empty": b"", b"content-length": b"0"}


@pytest.mark.parametrize(
    "wire",
    [
        b"garbage\r\n\r\n",
        b"\0",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        WHOLE + b"trailing bytes",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=lambda wire: f"{wire[:40]!r}",
)
def test_what_is_no_reply(wire: bytes) -> None:
    told = r"^the Runtime API's reply is not HTTP: ."
    with pytest.raises(ConnectionToRuntimeAPILost, match=told):
        fed([wire])
    with pytest.raises(ConnectionToRuntimeAPILost, match=told):
        fed([bytes([byte]) for byte in wire])


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        (WHOLE + WHOLE, "bytes after the reply"),
        (REPLIES["close"][0] + b"more", "Data after `Connection: close`"),
    ],
)
def test_bytes_after_a_reply(wire: bytes, told: str) -> None:
    with pytest.raises(ConnectionToRuntimeAPILost) as raised:
        fed([wire])
    assert str(raised.value) == f"the Runtime API's reply is not HTTP: {told}"


mutations = st.tuples(st.integers(0, 200), st.binary(max_size=3))


@given(
    st.sampled_from([case[0] for case in REPLIES.values()]),
    st.lists(mutations, max_size=3),
    st.data(),
)
def test_garbage_raises_nothing_else(
    wire: bytes, changes: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    for at, new in changes:
        wire = wire[:at] + new + wire[at + len(new) :]
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=5))
    try:
        replies: list[Any] = fed(in_pieces(wire, cuts))
    except ConnectionToRuntimeAPILost:
        return
    assert all(isinstance(reply, Reply) and reply.status >= 200 for reply in replies)


@given(st.binary(max_size=300))
def test_any_bytes_at_all(wire: bytes) -> None:
    with suppress(ConnectionToRuntimeAPILost):
        byte_by_byte = fed([bytes([byte]) for byte in wire])
        assert list(map(fields_of, fed([wire]))) == list(map(fields_of, byte_by_byte))


# What a status means.


@pytest.mark.parametrize("status", [200, 202, 299])
def test_a_reply_that_means_success_is_returned(status: int) -> None:
    reply = Reply(status, {}, b"", True)
    assert checked(reply) is reply


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (199, ConnectionToRuntimeAPILost),
        (300, ConnectionToRuntimeAPILost),
        (399, ConnectionToRuntimeAPILost),
        (400, ResponseRefused),
        (499, ResponseRefused),
        (500, ConnectionToRuntimeAPILost),
    ],
)
def test_any_other_reply_is_an_error_with_the_beginning_of_its_body(
    status: int, error: type[Exception]
) -> None:
    said = b" \xff" + b"a" * 600
    shown = "\ufffd" + "a" * 498
    with pytest.raises(error) as raised:
        checked(Reply(status, {}, said, True))
    assert type(raised.value) is error
    assert str(raised.value) == f"the Runtime API answered {status}: {shown}"
    if isinstance(raised.value, ResponseRefused):
        assert raised.value.status == status
