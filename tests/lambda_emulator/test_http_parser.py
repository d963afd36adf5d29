"""The request parser alone: where each request ends, and what it rejects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_emulator.http.message import Request, RequestError
from lambda_emulator.http.parser import RequestParser


class Found:
    """Each request as (method, target, body, trailers); the body's parts as they came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes, list[tuple[str, str]]]] = []
        self.parts: list[bytes] = []
        self.current: Request | None = None
        self.ended = 0

    def request_began(self) -> None:
        assert self.current is None

    def request_head(self, request: Request) -> None:
        assert self.current is None
        self.current = request
        self.body = b""

    def request_body(self, part: bytes) -> None:
        assert self.current is not None
        assert part
        self.body += part
        self.parts.append(part)

    def request_ended(self) -> None:
        assert self.current is not None
        self.requests.append(
            (self.current.method, self.current.target, self.body, self.current.trailers)
        )
        self.current = None


def parse(*pieces: bytes) -> Found:
    found = Found()
    parser = RequestParser(found)
    for piece in pieces:
        parser.feed(piece)
    return found


GET = b"GET /get HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
)
ALL = [
    (GET, ("GET", "/get", b"", [])),
    (
        b"POST /n HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\na\r\n\r\nb",
        ("POST", "/n", b"a\r\n\r\nb", []),
    ),
    (b"POST /0 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", ("POST", "/0", b"", [])),
    (
        b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\n\r\n\r\n\r\n1\r\nz\r\n0\r\nT: u\r\n\r\n",
        ("POST", "/c", b"\r\n\r\nz", [("T", "u")]),
    ),
    # Java's HttpClient, and curl --http2 -d: an offer of h2c, and a body behind it.
    (
        b"POST /u HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Content-Length: 4\r\n\r\nGET ",
        ("POST", "/u", b"GET ", []),
    ),
    (
        b"POST /v HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        + UPGRADE
        + b"\r\n1\r\na\r\n0\r\nT: u\r\n\r\n",
        ("POST", "/v", b"a", [("T", "u")]),
    ),
    (b"GET /w HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n", ("GET", "/w", b"", [])),
]


@given(st.lists(st.sampled_from(ALL), max_size=5), st.data())
def test_requests_end_where_they_end(
    chosen: list[tuple[bytes, object]], data: st.DataObject
) -> None:
    """However many are in one read, and wherever a read ends."""
    whole = b"".join(request for request, _ in chosen)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert parse(*pieces).requests == [seen for _, seen in chosen]


def test_a_chunk_that_came_whole_is_one_part() -> None:
    """A Function URL makes one chunk of each write, even with a blank line in it (SSE)."""
    chunks = b"b\r\ndata: 1\r\n\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n"
    assert parse(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    ).parts == [
        b"data: 1\r\n\r\n",
        b"\r\n\r\n",
    ]


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"GET / RTSP/1.0\r\nHost: x\r\n\r\n"),
        (400, b"GET / ICE/1.0\r\nHost: x\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /  HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
        (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (
            501,
            (
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ],
)
@pytest.mark.parametrize(
    "before", [b"", GET, ALL[3][0], ALL[5][0]], ids=["first", "get", "chunked", "upgrade"]
)
@pytest.mark.parametrize("whole", [True, False], ids=["at once", "byte by byte"])
def test_what_llhttp_takes_and_the_specification_does_not(
    status: int, request_bytes: bytes, before: bytes, whole: bool
) -> None:
    data = before + request_bytes
    with pytest.raises(RequestError) as refused:
        parse(*([data] if whole else [data[i : i + 1] for i in range(len(data))]))
    assert refused.value.status == status
