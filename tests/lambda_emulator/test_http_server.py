"""The HTTP server alone: hostile clients get a clean error, and the server stays up.

In this process, so that its limits can be shortened; the clients are raw sockets.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_emulator import limits
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.server import HTTPServer
from tests.patience import PATIENCE

ENDLESS = 512 * 1024 * 1024
"""More than a kernel holds of a connection that nobody reads."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(exchange: Exchange) -> None:
    """Return the request as text.

    /stream has a body without end, /early responds before the body, /hurry accepts no slow body.
    """
    if exchange.request.target == "/stream":
        exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not exchange.gone:
            exchange.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            await exchange.drain()
        exchange.finish()
        return
    if exchange.request.target == "/early":
        exchange.respond(413, body=b"early", close=True)
        return
    body = await exchange.read(1000, patience=0.2 if exchange.request.target == "/hurry" else 30)
    trailers = "".join(f" {name}={value}" for name, value in exchange.request.trailers)
    text = (
        f"{exchange.request.method} {exchange.request.target} "
        f"{len(exchange.request.headers)} {body!r}{trailers}"
    )
    exchange.respond(200, [("X-Seen", "yes")], text.encode())


@contextlib.asynccontextmanager
async def serving(
    handler: Callable[[Exchange], Awaitable[None]] = echo, *, idle: float = 30
) -> AsyncIterator[int]:
    server = HTTPServer(handler, idle_seconds=idle)
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
        # Whatever came before: it still serves.
        server.idle_seconds = None
        answer = await ask(port, b"GET /still HTTP/1.1\r\nHost: x\r\n\r\n", close=True)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    finally:
        await server.close()


async def ask(port: int, *pieces: bytes, close: bool = False) -> bytes:
    """Send pieces, one packet each, and return everything until the server closes.

    `close`: the client closes its side first.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def run(*pieces: bytes, close: bool = False) -> bytes:
    async def once() -> bytes:
        async with serving() as port:
            return await ask(port, *pieces, close=close)

    return asyncio.run(once())


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = [
    (b"GET /a%2Fb?x=%20 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /a%2Fb?x=%20 1 b''"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"POST / 2 b'abc'"),
    (
        CHUNKED + b"3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        b"POST / 2 b'abc' X=y",
    ),
    (b"GET http://h/p?q HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://h/p?q 1 b''"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"GET / 3 b''"),
    (b"GET / HTTP/1.0\r\n\r\n", b"GET / 0 b''"),
    (
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
            b"Content-Length: 3\r\n\r\nabc"
        ),
        b"POST / 4 b'abc'",
    ),
]


@pytest.mark.parametrize(("request_bytes", "seen"), GOOD)
def test_requests(request_bytes: bytes, seen: bytes) -> None:
    whole = run(request_bytes, close=True)
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert whole.endswith(seen)


@pytest.mark.parametrize(("request_bytes", "seen"), GOOD[:3])
def test_requests_byte_by_byte(request_bytes: bytes, seen: bytes) -> None:
    assert run(*[bytes([byte]) for byte in request_bytes], close=True).endswith(seen)


BAD = [
    ("wrong chunk size", 400, CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n"),
    ("chunk longer than its size", 400, CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n"),
    (
        "length and chunks",
        400,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + CHUNKED[26:],
    ),
    (
        "two lengths",
        400,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    ),
    ("negative length", 400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    ("blank before the colon", 400, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
    ("a NUL in a header", 400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
    ("a bare line feed", 400, b"GET / HTTP/1.1\nHost: x\n\n"),
    ("no host", 400, b"GET / HTTP/1.1\r\n\r\n"),
    ("two hosts", 400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    ("TLS", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("HTTP/2", 400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("another version", 505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
    ("CONNECT", 400, b"CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("RTSP", 400, b"GET / RTSP/1.0\r\nHost: x\r\n\r\n"),
    ("two spaces", 400, b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "a transfer coding",
        501,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ),
    ("garbage", 400, b"\r\n\r\nhello\r\n\r\n"),
    (
        "too long a body, announced",
        413,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n",
    ),
    ("too long a body, in chunks", 413, CHUNKED + b"7d0\r\n" + b"x" * 1200),
    (
        "an answer before the end",
        413,
        b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nabc",
    ),
    ("a slow body", 408, b"POST /hurry HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"),
    ("many headers", 431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200_000 + b"\r\n"),
    ("one long header", 431, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 1_100_000 + b"\r\n\r\n"),
    ("a long target", 431, b"GET /" + b"a" * 1_100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("many trailers", 431, CHUNKED + b"0\r\n" + b"T: x\r\n" * 100 + b"\r\n"),
    ("headers without end", 431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200_000),
]


@pytest.mark.parametrize(("name", "code", "request_bytes"), BAD, ids=[case[0] for case in BAD])
def test_hostile_requests(name: str, code: int, request_bytes: bytes) -> None:
    check_refused(run(request_bytes), code)


def test_slow_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.2)
    check_refused(run(b"GET / HTTP/1.1\r\nHost: "), 408)


def check_refused(answer: bytes, code: int) -> None:
    """An answer with the right status, whole, and then a closed connection."""
    assert status(answer) == code, answer[:200]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert f"\r\nContent-Length: {len(body)}".encode() in head
    assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", answer)) == 1, "one answer, whatever followed"


def test_headers_up_to_the_limit_are_served() -> None:
    headers = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n"
    assert run(headers, close=True).startswith(b"HTTP/1.1 200 OK")


def test_half_a_request_and_gone() -> None:
    assert run(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", close=True) == b""
    assert run(b"GET / HT", close=True) == b""


def test_an_idle_connection_is_closed() -> None:
    async def scenario() -> bytes:
        async with serving(idle=0.1) as port:
            return await ask(port)

    assert asyncio.run(scenario()) == b""


def test_pipelined_requests_are_answered_in_order() -> None:
    requests = [f"GET /{i} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for i in range(100)]
    answer = run(b"".join(requests), close=True)
    assert [line.split()[1] for line in answer.split(b"GET ")[1:]] == [b"1", *[b"1"] * 99]
    assert answer.count(b"HTTP/1.1 200 OK") == 100
    positions = [answer.index(f"GET /{i} ".encode()) for i in range(100)]
    assert positions == sorted(positions)


def test_garbage_behind_good_requests() -> None:
    """What was good is answered, then 400 for what was not."""
    answer = run(
        b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n\0\1\2 garbage\r\n"
        b"\r\n"
    )
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 200, 400]


def test_half_a_request_behind_a_stream_does_not_disturb_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time for the head runs out during the stream; the client is told after it."""
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.1)

    async def scenario() -> bytes:
        expired = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            if exchange.request.target != "/slow":
                await echo(exchange)
                return
            exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            await expired.wait()
            exchange.write(b" last")
            exchange.finish()

        async with serving(handler) as port:
            asyncio.get_running_loop().call_later(0.3, expired.set)
            return await ask(port, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /half HT")

    answer = asyncio.run(scenario())
    assert b"\r\n\r\nfirst lastHTTP/1.1 408 " in answer


def test_expect_continue() -> None:
    answer = run(
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"abc",
        close=True,
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_an_aborted_download_ends_its_handler() -> None:
    async def scenario() -> None:
        ended = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await echo(exchange)
            if exchange.request.target == "/stream":
                ended.set()

        async with serving(handler) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readexactly(100_000)
            writer.transport.abort()
            async with asyncio.timeout(PATIENCE):
                await ended.wait()

    asyncio.run(scenario())


def test_a_handler_that_only_writes_hears_of_its_end() -> None:
    """When the kernel accepts every write, only `drain` lets the event loop run."""

    async def handler(exchange: Exchange) -> None:
        if exchange.request.target == "/still":
            await echo(exchange)
            return
        exchange.abort()
        while not exchange.gone:
            exchange.write(b"x")
            await exchange.drain()

    async def scenario() -> bytes:
        async with serving(handler) as port:
            return await ask(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert asyncio.run(scenario()) == b""


def test_a_client_that_does_not_read_stops_the_writer() -> None:
    async def scenario() -> int:
        written = 0
        stalled = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            nonlocal written
            if exchange.request.target != "/flood":
                await echo(exchange)
                return
            exchange.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not exchange.gone and written < ENDLESS:
                exchange.write(bytes(65536))
                written += 65536
                try:
                    async with asyncio.timeout(0.3):
                        await exchange.drain()
                except TimeoutError:
                    stalled.set()
                    await exchange.drain()
            stalled.set()
            exchange.finish(close=True)

        async with serving(handler) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(PATIENCE):
                await stalled.wait()
            writer.transport.abort()
            del reader
        return written

    assert asyncio.run(scenario()) < ENDLESS


def test_a_body_that_nobody_reads_stops_its_sender() -> None:
    async def scenario() -> int:
        release = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            if exchange.request.method == "POST":
                await release.wait()
                await exchange.read(10**9)
            exchange.respond(200)

        async with serving(handler) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.set_write_buffer_limits(high=0)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % ENDLESS)
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < ENDLESS:
                    writer.write(bytes(65536))
                    sent += 65536
                    async with asyncio.timeout(0.3):
                        await writer.drain()
            release.set()
            writer.transport.abort()
            return sent

    assert asyncio.run(scenario()) < ENDLESS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([good for good, _ in GOOD]), max_size=6))
def test_any_bytes_leave_the_server_up(pieces: list[bytes]) -> None:
    """Whatever comes: only whole HTTP answers go back, and the next client is served."""
    try:
        answer = run(*pieces, close=True)
    except OSError:  # half a request, and gone: a reset is as good as a close
        return
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
