"""Compare the responses of Starlette and FastAPI through the runtime and under uvicorn.

Compared are status, headers, body, and whether the response is complete.

Each difference stands in the table, with its reason.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import h11
import pytest
import uvicorn

from lambda_asgi.testing import function_url_event
from tests.conformance.uvicorn_parity_app import background_work, make_app
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import runtime
from tests.patience import PATIENCE


class Exchange(NamedTuple):
    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes
    whole: bool


class Case(NamedTuple):
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    differs: Mapping[str, Any] = {}
    """Fields of our Exchange that are different from uvicorn's."""
    because: str = ""


FILLER = {"body": b"\n", "headers": {"content-length": "1"}}
WHY_FILLER = (
    "front ends hold a stream without a body byte open: an empty 3xx, 4xx, 5xx gets one newline"
)
NO_LENGTH = {"headers": {"content-length": "0"}}
WHY_LENGTH = "an empty body says so, because front ends wait for a byte of a stream otherwise"
NUMBERS = b"".join(b"%d\n" % number for number in range(60_000))
INTERNAL_SERVER_ERROR = {"content-type": "text/plain; charset=utf-8", "content-length": "21"}
ORIGIN = {"origin": "https://a.example"}
GZIP = {"accept-encoding": "gzip"}

CASES = [
    Case("/json"),
    Case("/json", "HEAD"),
    Case("/blocking"),
    Case("/model"),
    Case("/text"),
    Case("/html"),
    Case("/bytes"),
    Case("/status/200"),
    Case("/status/201/text"),
    Case("/status/204"),
    Case("/status/299/text"),
    Case("/status/404", differs=FILLER, because=WHY_FILLER),
    Case("/status/503", differs=FILLER, because=WHY_FILLER),
    Case("/status/599/text"),
    Case("/not-modified"),
    Case("/redirect", differs=FILLER, because=WHY_FILLER),
    Case("/slash", differs=FILLER, because=WHY_FILLER),
    Case("/headers"),
    Case("/cookies"),
    Case("/forbidden"),
    Case("/out-of-stock"),
    Case("/error"),
    Case("/no-such-path"),
    Case("/json", "DELETE"),
    Case("/items/5?q=a%20b"),
    Case("/items/five"),
    Case("/echo", "POST", {"content-type": "text/plain"}, b"\x00\xff body"),
    Case("/echo", "PUT", {}, b"x"),
    Case("/echo", "PATCH"),
    Case("/echo", "DELETE"),
    Case("/item", "POST", {"content-type": "application/json"}, b'{"name":"pen","price":"2.5"}'),
    Case("/item", "POST", {"content-type": "application/json"}, b"{"),
    Case("/stream-in", "POST", {}, b"body" * 1000),
    Case("/url/a%2Fb/%E2%98%83?x=1&x=2%2C3&empty=&plus=a+b"),
    Case("/disconnected"),
    Case("/stream"),
    Case("/stream", "HEAD"),
    Case("/stream-blocking"),
    Case("/stream-empty"),
    Case("/stream-gaps"),
    Case("/stream-length"),
    Case("/stream-breaks"),
    Case("/yield"),
    Case("/lines"),
    Case("/lines-blocking"),
    Case("/events"),
    Case("/events-of-items"),
    Case("/file"),
    Case("/file", "HEAD"),
    Case("/file", headers={"range": "bytes=2-5"}),
    Case("/file", headers={"range": "bytes=900000-"}, differs=FILLER, because=WHY_FILLER),
    Case("/file", headers={"range": "lines=1"}),
    Case("/file-empty"),
    Case("/file-download"),
    Case("/file-missing"),
    Case("/static/numbers.txt"),
    Case("/static/numbers.txt", headers={"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    Case("/static/missing.txt"),
    Case("/background"),
    Case("/background-stream"),
    Case("/background-fails"),
    Case("/cors/small"),
    Case("/cors/small", headers=ORIGIN),
    Case("/cors/small", headers={"origin": "https://b.example"}),
    Case("/cors/endpoint", "OPTIONS", {**ORIGIN, "access-control-request-method": "PUT"}),
    Case("/cors/endpoint", "OPTIONS", {**ORIGIN, "access-control-request-method": "GET"}),
    Case("/cors/endpoint", "PUT", ORIGIN, b"put"),
    Case("/gzip/small", headers=GZIP),
    Case("/gzip/large", headers=GZIP),
    Case("/gzip/large", headers={"accept-encoding": "br"}),
    Case("/gzip/stream", headers=GZIP),
    Case(
        "/gzip/file",
        headers=GZIP,
        differs={
            "headers": {
                "content-length": str(len(NUMBERS)),
                "content-encoding": None,
                "vary": None,
            },
            "body": NUMBERS,
        },
        because=(
            "uvicorn offers no http.response.pathsend; "
            "what is sent by it, Starlette does not compress"
        ),
    ),
    Case("/dispatch/small"),
    Case("/dispatch/stream"),
    Case("/dispatch/file"),
    Case("/dispatch/error"),
    Case("/dispatch/breaks"),
    Case("/dispatch/deeper/small"),
    Case("/dispatch-twice/stream"),
    Case("/dispatch-twice/file"),
    Case("/dispatch-fails/small"),
    Case("/sub/where"),
    Case("/sub/missing"),
    Case("/asgi/nothing"),
    Case(
        "/asgi/start-only",
        differs={
            "status": 500,
            "headers": INTERNAL_SERVER_ERROR,
            "body": b"Internal Server Error",
            "whole": True,
        },
        because=(
            "start is held until the first body or a wait, "
            "so that this can still become a whole response"
        ),
    ),
    Case("/asgi/unfinished"),
    Case("/asgi/body-first"),
    Case("/asgi/start-twice"),
    Case("/asgi/body-after-end"),
    Case("/asgi/too-short"),
    Case(
        "/asgi/hop-by-hop",
        differs={"headers": {"keep-alive": None}},
        because="the connection to the client is the front end's, and so are its headers",
    ),
]

# Those of uvicorn's connection.
OF_THE_CONNECTION = ("transfer-encoding", "connection")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = tmp_path_factory.mktemp("files")
    (made / "numbers.txt").write_bytes(NUMBERS)
    (made / "empty.txt").write_bytes(b"")
    for path in made.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return make_app(made)


@pytest.fixture(scope="module")
def server(app: Any) -> Iterator[uvicorn.Server]:
    config = uvicorn.Config(
        app, port=0, log_config=None, server_header=False, date_header=False, lifespan="off"
    )
    made = uvicorn.Server(config)
    thread = threading.Thread(target=made.run)
    thread.start()
    while not made.started:
        time.sleep(0.001)
    yield made
    made.should_exit = True
    thread.join()


def request_of(case: Case) -> dict[str, Any]:
    return function_url_event(case.url, method=case.method, headers=case.headers, body=case.body)


async def through_the_runtime(app: Any, event: Any, log: list[str]) -> Exchange:
    async with runtime(app) as running:
        running.api.invoke(event)
        answer: Posted = await running.api.answer()
        running.api.invoke(function_url_event("/json"))
        await running.api.answer()  # so that the background work of the first has ended
    log += background_work
    background_work.clear()
    document = answer.prelude
    return Exchange(
        document["statusCode"],
        document["headers"],
        document.get("cookies", []),
        compared(answer.content, document["headers"]),
        answer.complete and not answer.trailers,
    )


async def under_uvicorn(
    server: uvicorn.Server, event: Any, body: bytes, log: list[str]
) -> Exchange:
    exchange = await ask(server.servers[0].sockets[0].getsockname()[1], event, body)
    while server.server_state.tasks:  # noqa: ASYNC110  # uvicorn has no event for the end of background work
        await asyncio.sleep(0.001)
    log += background_work
    background_work.clear()
    return exchange


async def ask(port: int, event: Any, body: bytes) -> Exchange:
    query = f"?{event['rawQueryString']}" if event["rawQueryString"] else ""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = h11.Connection(h11.CLIENT)
    request = h11.Request(
        method=event["requestContext"]["http"]["method"],
        target=event["rawPath"] + query,
        headers=[*event["headers"].items(), ("connection", "close")],
    )
    parts = [
        client.send(request),
        client.send(h11.Data(data=body)),
        client.send(h11.EndOfMessage()),
    ]
    writer.write(b"".join(part for part in parts if part))
    status, lines, content, whole = 0, list[tuple[str, str]](), b"", False
    try:
        while not whole:
            received = client.next_event()
            if received is h11.NEED_DATA:
                client.receive_data(await reader.read(65536))
            elif isinstance(received, h11.Response):
                status = received.status_code
                lines = [
                    (name.decode(), value.decode("latin-1")) for name, value in received.headers
                ]
            elif isinstance(received, h11.Data):
                content += bytes(received.data)
            else:
                whole = isinstance(received, h11.EndOfMessage)
    except h11.RemoteProtocolError:
        pass  # the end of the connection in the middle of a response
    writer.close()
    headers: dict[str, str] = {}
    for name, value in lines:
        if name not in ("set-cookie", *OF_THE_CONNECTION):
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    cookies = [value for name, value in lines if name == "set-cookie"]
    return Exchange(status, headers, cookies, compared(content, headers), whole)


def compared(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the body without the time of its compression."""
    if headers.get("content-encoding") == "gzip":
        return body[:4] + bytes(4) + body[8:]
    return body


def test_the_table_has_40_responses_and_more() -> None:
    assert len(CASES) >= 40
    assert len(set(map(repr, CASES))) == len(CASES)
    assert all(bool(case.differs) == bool(case.because) for case in CASES)


def names() -> Iterator[str]:
    for case in CASES:
        yield f"{case.method} {case.url} {' '.join(case.headers.values())}".strip()


@pytest.mark.parametrize("case", CASES, ids=names())
def test_as_under_uvicorn(case: Case, app: Any, server: uvicorn.Server) -> None:
    event = request_of(case)
    ours_behind: list[str] = []
    theirs_behind: list[str] = []

    async def both() -> tuple[Exchange, Exchange]:
        async with asyncio.timeout(PATIENCE):
            theirs = await under_uvicorn(server, event, case.body, theirs_behind)
            ours = await through_the_runtime(app, event, ours_behind)
            return ours, theirs

    ours, theirs = asyncio.run(both())
    changed = dict(case.differs)
    if "headers" in changed:
        merged = theirs.headers | changed["headers"]
        changed["headers"] = {name: value for name, value in merged.items() if value is not None}
    expected = theirs._replace(**changed)
    assert expected != theirs or not case.differs, "the table lists a difference that is none"
    assert ours == expected
    assert ours_behind == theirs_behind
