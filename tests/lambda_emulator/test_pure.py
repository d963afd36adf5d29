"""The pure parts by tables and properties: events, answers, CORS, pacing, the body's channel."""

import asyncio
import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_emulator import limits
from lambda_emulator.cors import Cors
from lambda_emulator.fronts.function_url_event import Endpoint, function_url_event, split_target
from lambda_emulator.fronts.function_url_response import (
    HTTPResponse,
    PlatformHeaders,
    read_response,
    response_of_result,
    response_of_streamed_result,
    wire_head,
)
from lambda_emulator.fronts.http_answer import BadAnswer, PreludeParser
from lambda_emulator.fronts.pacing import TokenBucket
from lambda_emulator.http.message import Request
from lambda_emulator.invocation import Body

ENDPOINT = Endpoint("u" * 32)


def event_of(request: Request, body: bytes = b"") -> dict[str, Any]:
    raw = function_url_event(
        request,
        body,
        endpoint=ENDPOINT,
        source_ip="127.0.0.1",
        request_id="id",
        trace_id="Self=1;Root=2",
        now=0.0,
    )
    event: dict[str, Any] = json.loads(raw)
    return event


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a?b?c", "/a", "b?c"),
        ("/a?", "/a", ""),
        ("//a//b/../c", "//a//b/../c", ""),
        ("http://h/x?y", "/x", "y"),
        ("http://h", "/", ""),
        ("http://h?y", "/", "y"),
        ("*", "*", ""),
        ("/a#b", "/a#b", ""),
        ("/?a#b", "/", "a"),
        ("/a:b://c?d", "/a:b://c", "d"),
    ],
)
def test_split_target(target: str, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


@pytest.mark.parametrize(
    ("content_type", "encoding", "body", "text"),
    [
        ("text/plain", None, b"a", True),
        ("text/html; charset=latin-1", None, b"a", True),
        ("application/json", None, "☃".encode(), True),
        ("Application/JSON", None, b"1", True),
        ("application/problem+json", None, b"1", True),
        ("image/svg+xml", None, b"<svg/>", False),
        ("application/xml", None, b"<a/>", True),
        ("application/javascript", None, b"1", True),
        ("application/x-www-form-urlencoded", None, b"a=b", False),
        ("multipart/form-data; boundary=x", None, b"--x", False),
        ("application/octet-stream", None, b"a", False),
        (None, None, b"abc", False),
        ("text/plain", None, b"\xff", False),
        ("application/json", "gzip", b"{}", False),
        ("application/json", "identity", b"{}", True),
    ],
)
def test_which_bodies_are_text(
    content_type: str | None, encoding: str | None, body: bytes, text: bool
) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    headers += [("Content-Encoding", encoding)] if encoding else []
    event = event_of(Request("POST", "/", "1.1", headers, True), body)
    assert event["isBase64Encoded"] is not text
    assert event["body"] == (body.decode() if text else base64.b64encode(body).decode())


@given(
    st.binary(max_size=200), st.sampled_from(["text/plain", "application/json", "image/png", None])
)
def test_a_body_comes_back_whatever_it_is(body: bytes, content_type: str | None) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    event = event_of(Request("POST", "/", "1.1", headers, True), body)
    text = event.get("body", "")
    assert (base64.b64decode(text) if event["isBase64Encoded"] else text.encode()) == body
    assert ("body" in event) == bool(body)


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=5),
)
def test_any_target_and_headers_make_an_event(target: str, headers: list[tuple[str, str]]) -> None:
    event = event_of(Request("GET", "/" + target, "1.1", headers, True))
    assert event["rawPath"].startswith("/")
    assert all(name == name.lower() for name in event["headers"])


@pytest.mark.parametrize(
    ("path", "decoded"),
    [("/pa2%Fth/1", "/pa2%Fth/1"), ("/%FF", "/\ufffd"), ("/%C3%A9", "/é"), ("/a+b", "/a+b")],
)
def test_odd_escapes(path: str, decoded: str) -> None:
    event = event_of(Request("GET", path, "1.1", [], True))
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == (path, decoded)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Cookie", "a=1;b=2;  c=3")], ["a=1", "b=2", "c=3"]),
        ([("cookie", ""), ("Cookie", "a=1; ")], ["a=1"]),
        ([], None),
    ],
)
def test_cookies(headers: list[tuple[str, str]], expected: list[str] | None) -> None:
    assert event_of(Request("GET", "/", "1.1", headers, True)).get("cookies") == expected


# ---- answers


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        (b'{"a": "b/c"}', 200, b'{"a":"b\\/c"}'),
        (b"[1, 2]", 200, b"[1,2]"),
        (b"true", 200, b"true"),
        (b'"a\\"b"', 200, b'a"b'),
        ('{"a": "☃"}'.encode(), 200, '{"a":"☃"}'.encode()),
        (b'{"statusCode": "418", "body": "tea"}', 418, b"tea"),
        (b'{"statusCode": 201}', 201, b""),
        (b'{"statusCode": 200, "body": null}', 200, b""),
        (b'{"statusCode": 200, "body": 5}', 200, b"5"),
        (b'{"statusCode": 200, "body": "QQ", "isBase64Encoded": true}', 200, b"A"),
        (b'{"statusCode": 200, "body": "QQ==", "isBase64Encoded": "true"}', 200, b"QQ=="),
        (b'{"statusCode": 200, "body": "_-+/", "isBase64Encoded": true}', 200, b"\xff\xef\xbf"),
    ],
)
def test_results(result: bytes, status: int, body: bytes) -> None:
    response = response_of_result(result)
    assert (response.status, response.body) == (status, body)


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"not json",
        b'{"statusCode": 700}',
        b'{"statusCode": 100}',
        b'{"statusCode": 200.5}',
        b'{"statusCode": null}',
        b'{"statusCode": 200, "headers": []  , "cookies": "a"}',
        b'{"statusCode": 200, "headers": "x"}',
        b'{"statusCode": 200, "cookies": ["a\\nb"]}',
    ],
)
def test_bad_results(result: bytes) -> None:
    with pytest.raises(BadAnswer):
        response_of_result(result)


@given(st.binary(max_size=60))
def test_a_streamed_result_is_never_lost(result: bytes) -> None:
    """Behind a RESPONSE_STREAM URL the body is the result itself, whatever it is."""
    assert response_of_streamed_result(result).body == result


PRELUDE = b'{"statusCode": 201, "headers": {"x": "1"}}'


@given(st.data(), st.binary(max_size=30))
def test_a_prelude_in_any_pieces(data: st.DataObject, rest: bytes) -> None:
    stream = PRELUDE + bytes(8) + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    parser, body = PreludeParser(), b""
    prelude = None
    for piece in pieces:
        if prelude is None:
            prelude = parser.feed(piece)
            body = prelude.rest if prelude else b""
        else:
            body += piece
    assert prelude is not None
    assert (read_response(prelude.metadata), body) == (HTTPResponse(201, None, (("x", "1"),)), rest)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_prelude_or_a_bad_answer(data: bytes) -> None:
    with contextlib.suppress(BadAnswer):
        PreludeParser().feed(data + bytes(8))


def head_of(response: HTTPResponse, grants: list[tuple[str, str]] | None = None) -> list[str]:
    platform = PlatformHeaders("D", "R", "T", grants or [])
    return (
        wire_head(response, platform, framing=("Content-Length", "0"), connection="close")
        .decode()
        .split("\r\n")
    )


def test_the_order_of_the_head() -> None:
    response = HTTPResponse(
        201,
        "text/x",
        (("vary", "A"), ("x-b", "1"), ("access-control-allow-origin", "own"), ("x-a", "2")),
        ("c=1", "d=2"),
    )
    assert head_of(response, [("access-control-allow-origin", "*"), ("vary", "Origin")]) == [
        "HTTP/1.1 201 Created",
        "Date: D",
        "Content-Type: text/x",
        "Content-Length: 0",
        "Connection: close",
        "x-amzn-RequestId: R",
        "access-control-allow-origin: own",
        "access-control-allow-origin: *",
        "Set-Cookie: c=1",
        "Set-Cookie: d=2",
        "x-b: 1",
        "x-a: 2",
        "vary: A",
        "vary: Origin",
        "X-Amzn-Trace-Id: T",
        "",
        "",
    ]


# ---- CORS


def request(method: str, **headers: str) -> Request:
    return Request(
        method,
        "/",
        "1.1",
        [(name.replace("_", "-"), value) for name, value in headers.items()],
        True,
    )


ANY = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",))


def test_an_empty_block_is_no_cors() -> None:
    preflight = request("OPTIONS", Origin="https://a", Access_Control_Request_Method="GET")
    assert not Cors()
    assert not Cors().is_preflight(preflight)
    assert Cors().grants(preflight) == []


def test_wildcards() -> None:
    preflight = request(
        "OPTIONS",
        Origin="https://a",
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="x",
    )
    assert ANY.is_preflight(preflight)
    assert dict(ANY.preflight(preflight))["Access-Control-Allow-Origin"] == "*"
    with_credentials = Cors(allow_origins=("*",), allow_methods=("*",), allow_credentials=True)
    assert dict(with_credentials.grants(preflight))["access-control-allow-origin"] == "https://a"


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ({}, True),
        ({"Access_Control_Request_Headers": "X-One, x-two"}, True),
        ({"Access_Control_Request_Headers": "x-three"}, False),
    ],
)
def test_requested_headers(headers: dict[str, str], granted: bool) -> None:
    cors = Cors(
        allow_origins=("https://a",), allow_methods=("GET",), allow_headers=("x-one", "X-Two")
    )
    preflight = request(
        "OPTIONS", Origin="https://a", Access_Control_Request_Method="GET", **headers
    )
    assert bool(cors.preflight(preflight)) is granted


# ---- pacing


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("burst", "size", "seconds"),
    [
        (limits.STREAM_BURST, 6 * limits.MIB, 0.0),
        (limits.STREAM_BURST, 8 * limits.MIB, 1.0),
        (limits.STREAM_BURST, 200 * limits.MIB, 97.0),
        (limits.API_GATEWAY_BURST, 12 * limits.MIB, 1.0),
    ],
)
def test_a_burst_and_then_two_mib_a_second(burst: int, size: int, seconds: float) -> None:
    clock = Clock()

    async def take() -> None:
        pace = TokenBucket(burst, clock=clock, sleep=clock.sleep)
        left = size
        while left:
            granted = await pace.take(min(left, 65536))
            assert 0 < granted <= 65536
            left -= granted

    asyncio.run(take())
    assert clock.now == pytest.approx(seconds, abs=0.126)


def test_a_quiet_stream_fills_its_bucket_again() -> None:
    clock = Clock()

    async def take() -> None:
        pace = TokenBucket(clock=clock, sleep=clock.sleep)
        for _ in range(3):
            left = limits.STREAM_BURST
            while left:
                left -= await pace.take(left)
            clock.now += 3.0

    asyncio.run(take())
    assert clock.now == 9.0


# ---- the body's channel


def test_the_channel_keeps_borders_and_waits() -> None:
    async def scenario() -> None:
        body = Body(limit=10)
        await body.put([b"a", b"b"])
        assert await body.get() == [b"a", b"b"]
        writer = asyncio.create_task(body.put([b"x" * 10]))
        await asyncio.sleep(0)
        assert not writer.done(), "full: the writer waits"
        assert await body.get() == [b"x" * 10]
        await writer
        body.close()
        assert await body.get() == []

    asyncio.run(scenario())


def test_a_reader_that_leaves_frees_the_writer() -> None:
    async def scenario() -> None:
        body = Body(limit=10)
        writer = asyncio.create_task(body.put([b"x" * 100]))
        await asyncio.sleep(0)
        body.discard()
        await writer
        await body.put([b"y" * 100])
        assert await body.get() == []

    asyncio.run(scenario())


def test_what_was_sent_before_the_end_is_still_read() -> None:
    async def scenario() -> None:
        body = Body(limit=10)
        writer = asyncio.create_task(body.put([b"x" * 100]))
        await asyncio.sleep(0)
        body.close()
        await writer
        assert await body.read(1000) == b"x" * 100

    asyncio.run(scenario())


def test_a_body_over_its_limit_is_dropped() -> None:
    async def scenario() -> None:
        body = Body()
        body.add([b"x" * 11])
        body.close()
        assert await body.read(10) is None

    asyncio.run(scenario())
