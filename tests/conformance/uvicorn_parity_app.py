"""An app with every kind of response of Starlette and FastAPI, for test_uvicorn_parity.py."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

background_work: list[str] = []


class Item(BaseModel):
    name: str
    price: float = 1.5


class OutOfStock(Exception):
    pass


async def numbers() -> AsyncIterator[bytes]:
    for number in range(5):
        yield b"number %d\n" % number
        await asyncio.sleep(0)


def blocking_numbers() -> Iterator[str]:
    for number in range(5):
        yield f"nümber {number}\n"


async def breaking() -> AsyncIterator[bytes]:
    yield b"first"
    raise ValueError("in mid-stream")


async def open_session() -> AsyncIterator[str]:
    yield "session"
    background_work.append("session closed")


def make_app(folder: Path) -> FastAPI:
    """`folder` is where the app's files are: numbers.txt and empty.txt."""
    app = FastAPI()

    @app.exception_handler(OutOfStock)
    async def out_of_stock(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"sorry": True}, status_code=409, headers={"retry-after": "5"})

    @app.get("/json")
    async def json() -> dict[str, Any]:
        return {"text": "é", "list": [1, None, True]}

    @app.get("/blocking")
    def blocking() -> dict[str, str]:
        return {"in": "a thread"}

    @app.get("/model")
    async def model() -> Item:
        return Item(name="pen")

    @app.get("/text", response_class=PlainTextResponse)
    async def text() -> str:
        return "plain é"

    @app.get("/html")
    async def html() -> HTMLResponse:
        return HTMLResponse("<p>hello")

    @app.get("/bytes")
    async def some_bytes() -> Response:
        return Response(bytes(range(256)), media_type="application/octet-stream")

    @app.get("/status/{status}")
    async def status(status: int) -> Response:
        return Response(status_code=status)

    @app.get("/status/{status}/text")
    async def status_with_text(status: int) -> Response:
        return PlainTextResponse("text", status_code=status)

    @app.get("/not-modified")
    async def not_modified() -> Response:
        return Response(status_code=304, headers={"etag": '"1"'})

    @app.get("/redirect")
    async def redirect() -> RedirectResponse:
        return RedirectResponse("/elsewhere?a=b é")

    @app.get("/slash/")
    async def slash() -> dict[str, str]:
        return {}

    @app.get("/headers")
    async def headers() -> Response:
        response = Response("x", headers={"x-latin": "caf\xe9", "X-Upper": "Value", "x-empty": ""})
        response.headers.append("vary", "origin")
        response.headers.append("vary", "accept")
        return response

    @app.get("/cookies")
    async def cookies() -> Response:
        response = Response("x")
        response.set_cookie("a", "1", httponly=True)
        response.set_cookie("b", "2", path="/x")
        response.set_cookie("c", "", max_age=0, secure=True)
        return response

    @app.get("/forbidden")
    async def forbidden() -> None:
        raise HTTPException(403, "no", headers={"x-why": "because"})

    @app.get("/out-of-stock")
    async def raises_out_of_stock() -> None:
        raise OutOfStock

    @app.get("/error")
    async def error() -> None:
        raise ValueError("on purpose")

    @app.get("/items/{number}")
    async def item(
        number: int, q: str = "", session: str = Depends(open_session)
    ) -> dict[str, Any]:
        return {"number": number, "q": q, "session": session}

    @app.api_route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request) -> dict[str, Any]:
        return {"method": request.method, "body": (await request.body()).decode("latin-1")}

    @app.post("/item")
    async def post_item(item: Item) -> Item:
        return item

    @app.post("/stream-in")
    async def stream_in(request: Request) -> StreamingResponse:
        # Not request.stream() itself:
        # uvicorn says spec_version 2.3, and Starlette then reads the body away from it.
        # In one piece: how many pieces uvicorn reads is up to the kernel.
        return StreamingResponse(iter([b"".join([chunk async for chunk in request.stream()])]))

    @app.get("/url/{rest:path}")
    async def url(request: Request) -> dict[str, Any]:
        return {
            "url": str(request.url),
            "query": request.query_params.multi_items(),
            "path": request.url.path,
        }

    @app.get("/disconnected")
    async def disconnected(request: Request) -> bool:
        return await request.is_disconnected()

    # Streams.

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(numbers(), media_type="text/plain")

    @app.get("/stream-blocking")
    async def stream_blocking() -> StreamingResponse:
        return StreamingResponse(blocking_numbers(), media_type="text/plain")

    @app.get("/stream-empty")
    async def stream_empty() -> StreamingResponse:
        return StreamingResponse(iter([]))

    @app.get("/stream-gaps")
    async def stream_gaps() -> StreamingResponse:
        return StreamingResponse(iter([b"", b"a", b"", b"b", b""]), status_code=206)

    @app.get("/stream-length")
    async def stream_length() -> StreamingResponse:
        return StreamingResponse(iter([b"abc", b"de"]), headers={"content-length": "5"})

    @app.get("/stream-breaks")
    async def stream_breaks() -> StreamingResponse:
        return StreamingResponse(breaking())

    @app.get("/yield", response_class=StreamingResponse)
    async def yields() -> AsyncIterator[bytes]:
        async for chunk in numbers():
            yield chunk

    @app.get("/lines")
    async def lines() -> AsyncIterator[Item]:
        for number in range(3):
            yield Item(name=f"pen {number}")

    @app.get("/lines-blocking")
    def lines_blocking() -> Iterator[dict[str, int]]:
        for number in range(3):
            yield {"number": number}

    @app.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data={"n": 1}, event="count", id="1")
        yield ServerSentEvent(raw_data="two\nlines", retry=100)
        yield ServerSentEvent(comment="ping")

    @app.get("/events-of-items", response_class=EventSourceResponse)
    async def events_of_items() -> AsyncIterator[Item]:
        for number in range(3):
            yield Item(name=f"é {number}")

    # Files.

    @app.api_route("/file", methods=["GET", "HEAD"])
    async def file() -> FileResponse:
        return FileResponse(folder / "numbers.txt")

    @app.get("/file-empty")
    async def file_empty() -> FileResponse:
        return FileResponse(folder / "empty.txt")

    @app.get("/file-download")
    async def file_download() -> FileResponse:
        return FileResponse(folder / "numbers.txt", filename="zählung.txt", media_type="text/csv")

    @app.get("/file-missing")
    async def file_missing() -> FileResponse:
        return FileResponse(folder / "missing.txt")

    app.mount("/static", StaticFiles(directory=folder))

    # Work behind the response.

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> dict[str, bool]:
        tasks.add_task(background_work.append, "task")
        return {"later": True}

    @app.get("/background-stream")
    async def background_stream() -> StreamingResponse:
        return StreamingResponse(
            numbers(), background=BackgroundTask(background_work.append, "after the stream")
        )

    @app.get("/background-fails")
    async def background_fails() -> JSONResponse:
        def fail() -> None:
            raise ValueError("in the background")

        return JSONResponse({}, background=BackgroundTask(fail))

    # Middleware, each around an app of its own.

    cors = Middleware(
        CORSMiddleware,
        allow_origins=["https://a.example"],
        allow_credentials=True,
        allow_methods=["PUT"],
    )
    app.mount("/cors", inner(folder, cors))
    app.mount("/gzip", inner(folder, Middleware(GZipMiddleware, minimum_size=500)))
    app.mount("/dispatch", inner(folder, Middleware(BaseHTTPMiddleware, dispatch=adds_header)))
    app.mount(
        "/dispatch-twice",
        inner(folder, *[Middleware(BaseHTTPMiddleware, dispatch=adds_header)] * 2),
    )
    app.mount("/dispatch-fails", inner(folder, Middleware(BaseHTTPMiddleware, dispatch=fails)))
    sub = FastAPI()

    @sub.get("/where")
    async def where(request: Request) -> dict[str, Any]:
        return {
            "root_path": request.scope["root_path"],
            "path": request.scope["path"],
            "url": str(request.url_for("where")),
        }

    app.mount("/sub", sub)
    app.mount("/asgi", bare)
    return app


def inner(folder: Path, *middleware: Middleware) -> Starlette:
    def small(request: Request) -> JSONResponse:
        return JSONResponse({"small": True})

    async def large(request: Request) -> PlainTextResponse:
        return PlainTextResponse("large " * 1000)

    async def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(numbers(), media_type="text/plain")

    async def file(request: Request) -> FileResponse:
        return FileResponse(folder / "numbers.txt")

    async def error(request: Request) -> None:
        raise ValueError("on purpose")

    async def breaks(request: Request) -> StreamingResponse:
        return StreamingResponse(breaking())

    class Endpoint(HTTPEndpoint):
        async def put(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse(await request.body())

    routes = [
        Route("/small", small),
        Route("/large", large),
        Route("/stream", stream),
        Route("/file", file),
        Route("/error", error),
        Route("/breaks", breaks),
        Route("/endpoint", Endpoint),
        Mount("/deeper", routes=[Route("/small", small)]),
    ]
    return Starlette(routes=routes, middleware=list(middleware))


async def adds_header(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.headers["x-added"] = request.method
    return response


async def fails(request: Request, call_next: Any) -> Response:
    await call_next(request)
    raise ValueError("in the middleware")


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Messages of ASGI's, in and out of order."""
    start = {"type": "http.response.start", "status": 200, "headers": []}
    messages: dict[str, list[dict[str, Any]]] = {
        "nothing": [],
        "start-only": [start],
        "unfinished": [start, {"type": "http.response.body", "body": b"part", "more_body": True}],
        "body-first": [{"type": "http.response.body", "body": b"x"}],
        "start-twice": [
            start,
            {"type": "http.response.body", "body": b"part", "more_body": True},
            start,
        ],
        "body-after-end": [
            start,
            {"type": "http.response.body", "body": b"x"},
            {"type": "http.response.body"},
        ],
        "too-short": [
            {**start, "headers": [(b"content-length", b"5")]},
            {"type": "http.response.body", "body": b"four", "more_body": True},
            {"type": "http.response.body"},
        ],
        "hop-by-hop": [
            {**start, "headers": [(b"keep-alive", b"timeout=5"), (b"x-kept", b"1")]},
            {"type": "http.response.body", "body": b"x"},
        ],
    }
    for message in messages[scope["path"].rpartition("/")[2]]:
        await send(message)
