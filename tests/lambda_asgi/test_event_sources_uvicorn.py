"""The scope of an event compared with the one that uvicorn makes of the same request.

uvicorn gets the request over a socket. Starlette and FastAPI read both scopes.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from lambda_asgi._asgi import ASGIApp, Message, Receive, Scope, Send
from lambda_asgi._event_sources import EventOptions, infer

EVENTS = Path(__file__).parents[2] / "events"


def golden(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


class OnTheWire(NamedTuple):
    """The client's request behind the event: recorded for some, else from the documentation."""

    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    root_path: str = ""
    """For uvicorn: a prefix that a proxy has stripped. A stage is one."""


REQUESTS = {
    "function_url_get_file": OnTheWire(
        "GET /files/hello.txt", (("Accept", "*/*"), ("User-Agent", "curl/8.7.1"))
    ),
    "function_url_get_encoded_path": OnTheWire(
        "GET /files/a%2Fb/%E2%98%83/space%20here"
        "?dup=one&dup=two%2Cthree&plus=a+b&encoded=a%2Bb&empty=&bare&%65nc=one&enc=two"
    ),
    "function_url_get_percent_in_name": OnTheWire("GET /files/100%25%20%252Fdone.txt"),
    "function_url_get_invalid_escapes": OnTheWire("GET /files/%ZZ/50%/%FF%C3%28"),
    "function_url_get_cookies": OnTheWire("GET /", (("Cookie", "a=1; b=two; c=3"),)),
    "function_url_head": OnTheWire("HEAD /files/hello.txt"),
    "function_url_delete": OnTheWire("DELETE /files/old.txt"),
    "function_url_options_preflight": OnTheWire(
        "OPTIONS /files/",
        (
            ("Origin", "https://app.example"),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "content-type"),
        ),
    ),
    "function_url_post_json": OnTheWire(
        "POST /items",
        (("Content-Type", "application/json; charset=utf-8"), ("Content-Length", "33")),
        '{"name":"Zoë","note":"snow ☃"}'.encode(),
    ),
    "function_url_post_binary": OnTheWire(
        "POST /files/blob.bin",
        (("Content-Type", "application/octet-stream"), ("Content-Length", "256")),
        bytes(range(256)),
    ),
    "function_url_post_empty": OnTheWire("POST /digests/", (("Content-Length", "0"),)),
    "http_api_get": OnTheWire(
        "GET /items?repeat=one&repeat=two&redirect=https%3A%2F%2Fexample.com%2Fa%2Fb&plus=a+b"
    ),
    "http_api_get_cookies": OnTheWire("GET /items", (("Cookie", "session=abc123; theme=dark"),)),
    "http_api_get_named_stage": OnTheWire("GET /items/7", root_path="/prod"),
    "rest_api_get": OnTheWire("GET /items", (("Accept", "*/*"),), root_path="/live"),
    "rest_api_get_stage_root": OnTheWire("GET /", root_path="/live"),
    "rest_api_get_custom_domain": OnTheWire("GET /shop/items/7"),
    "rest_api_get_repeated_headers": OnTheWire(
        "GET /items",
        (
            ("X-Repeat", "first"),
            ("X-Repeat", "second"),
            ("Cookie", "session=abc123; theme=dark; c=3"),
        ),
        root_path="/live",
    ),
    "rest_api_put_binary": OnTheWire(
        "PUT /files/blob.bin",
        (("Content-Type", "application/octet-stream"), ("Content-Length", "10")),
        b"\x00\xff\x10 binary",
        root_path="/live",
    ),
    "alb_get": OnTheWire(
        "GET /files/space%20value?redirect=https%3A%2F%2Fexample.com%2Fa%2Fb"
        "&plus=a+b&space=a%20b&key%5B%5D=1&empty="
    ),
    "alb_get_multi_value": OnTheWire(
        "GET /files/a%2Fb?repeat=one&repeat=two&encodedPlus=a%2Bb&literalPlus=a+b",
        (("X-Repeat", "first"), ("X-Repeat", "second")),
    ),
    "lambda_at_edge_viewer_request": OnTheWire(
        "GET /files/space%20value?repeat=one&repeat=two%2Cthree",
        (("X-Repeat", "first"), ("X-Repeat", "second")),
    ),
    "vpc_lattice_get": OnTheWire(
        "GET /files/space%20value?repeat=one&repeat=two&plus=a+b",
        (("X-Repeat", "first"), ("X-Repeat", "second")),
    ),
}
COMPARED = ("type", "http_version", "method", "path", "raw_path", "query_string", "root_path")


class Recorder:
    """An app that remembers the last request."""

    def __init__(self) -> None:
        self.scope: Scope = {}
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.body = scope, b""
        more = True
        while more:
            message = await receive()
            self.body += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


class Server(NamedTuple):
    recorder: Recorder
    config: uvicorn.Config
    port: int


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    recorder = Recorder()
    app: Any = recorder
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, http="httptools", proxy_headers=False
    )
    running = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        yield Server(recorder, config, listener.getsockname()[1])
        running.should_exit = True
        thread.join()


@pytest.mark.parametrize("name", REQUESTS)
def test_uvicorn_makes_the_same_scope(name: str, server: Server) -> None:
    request = REQUESTS[name]
    server.config.root_path = request.root_path
    head = [f"{request.line} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    head += [f"{key}: {value}" for key, value in request.headers]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall("\r\n".join([*head, "", ""]).encode() + request.body)
        assert client.makefile("rb").readline() == b"HTTP/1.1 204 No Content\r\n"

    event = golden(name)
    scope, body = infer(event).request()
    theirs = server.recorder.scope
    assert {key: scope[key] for key in COMPARED} == {key: theirs[key] for key in COMPARED}
    assert body == server.recorder.body
    sent = {key.lower().encode() for key, _ in request.headers}
    assert sorted(line for line in scope["headers"] if line[0] in sent) == sorted(
        line for line in theirs["headers"] if line[0] in sent
    )


def answer(app: ASGIApp, event: Any, options: EventOptions | None = None) -> tuple[int, bytes]:
    """What `app` answers to an event: status and body."""
    scope, request_body = infer(event, None, options or EventOptions()).request()
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": request_body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def where(request: StarletteRequest) -> JSONResponse:
    return JSONResponse(
        [str(request.url), str(request.url_for("item", number=8)), request.path_params["number"]]
    )


STARLETTE = Starlette(routes=[Route("/items/{number:int}", where, name="item")])


@pytest.mark.parametrize(
    ("name", "base_path", "site"),
    [
        (
            "http_api_get_named_stage",
            "",
            "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod",
        ),
        ("http_api_get_custom_domain", "/shop", "https://api.example.com/shop"),
        ("rest_api_get_custom_domain", "/shop", "https://api.example.com/shop"),
    ],
)
def test_routes_and_links_below_a_stage_or_a_base_path(
    name: str, base_path: str, site: str
) -> None:
    status, body = answer(STARLETTE, golden(name), EventOptions(base_path))
    assert (status, json.loads(body)) == (200, [f"{site}/items/7", f"{site}/items/8", 7])


def test_without_its_base_path_nothing_matches() -> None:
    assert answer(STARLETTE, golden("rest_api_get_custom_domain"))[0] == 404


def test_a_mounted_app_below_a_stage() -> None:
    def path(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse(request.scope["root_path"])

    app = Starlette(routes=[Mount("/files", routes=[Route("/blob.bin", path, methods=["PUT"])])])
    assert answer(app, golden("rest_api_put_binary")) == (200, b"/live/files")


def test_fastapi_serves_its_routes_below_a_stage() -> None:
    app = FastAPI()

    @app.get("/items")
    def items(request: Request) -> dict[str, Any]:
        return {
            "root_path": request.scope["root_path"],
            "docs": str(request.url_for("swagger_ui_html")),
        }

    status, body = answer(app, golden("rest_api_get"))
    site = "https://f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com/live"
    assert (status, json.loads(body)) == (200, {"root_path": "/live", "docs": f"{site}/docs"})

    event = golden("rest_api_get")
    event["path"], event["requestContext"]["path"] = "/docs", "/live/docs"
    status, body = answer(app, event)
    assert (status, b"url: '/live/openapi.json'" in body) == (200, True)


def test_fastapi_takes_an_sqs_event_as_json() -> None:
    app = FastAPI()

    @app.post("/events")
    async def events(request: Request) -> Any:
        assert await request.json() == request.scope["aws.event"]
        return {
            "batchItemFailures": [
                {"itemIdentifier": request.scope["aws.event"]["Records"][0]["messageId"]}
            ]
        }

    status, body = answer(app, golden("sqs"))
    event = golden("sqs")
    failures = [{"itemIdentifier": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78"}]
    headers = [(b"content-type", b"application/json")]
    assert infer(event).result(status, headers, body) == {"batchItemFailures": failures}


def test_an_app_can_tell_an_event_from_a_request() -> None:
    """With allow_http_events=True both may reach one route; docs/events.md has this recipe."""
    app = FastAPI()

    @app.post("/items")
    async def items(request: Request) -> None:
        if request.scope["aws.event_source"] != "non-http":
            raise HTTPException(404)

    assert answer(app, golden("sqs"), EventOptions(event_path="/items")) == (200, b"null")
    assert answer(app, golden("function_url_post_json"))[0] == 404
