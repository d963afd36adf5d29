"""Code blocks that need a few lines around them: they run, and do what their page says."""

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from typing import Any

import aiohttp
import boto3
import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from lambda_asgi.testing import ExecutionEnvironment, StreamedResponse, function_url_event
from tests.docs.test_code_blocks import TOP
from tests.file_service.servers import s3_server
from tests.lambda_asgi.support import body, pass_time, play, sends, start


def code(page: str, with_text: str) -> str:
    """The code block of `page` that has this text."""
    blocks = re.findall(r"^```python\n(.*?)^```", (TOP / page).read_text(), re.M | re.S)
    (found,) = (block for block in blocks if with_text in block)
    return str(found)


def run(source: str, **names: Any) -> dict[str, Any]:
    """The names that `source` has after it ran. It may await."""
    compiled = compile(source, "page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    running = eval(compiled, names)
    if running is not None:
        asyncio.run(running)
    return names


async def answered(app: Any, path: str, timeout_seconds: float = 30) -> StreamedResponse:
    async with ExecutionEnvironment(app) as environment:
        event = function_url_event(path)
        return await environment.invoke(event, timeout_seconds=timeout_seconds)


def test_the_test_of_the_readme_passes_with_its_own_imports() -> None:
    app = sends(start(), body(b"one", more=True), body(b"two"))
    names = run(code("README.md", "environment.invoke"), app=app)
    assert names["response"].chunks == [b"one", b"two"]


def test_a_session_of_aiohttp_that_the_lifespan_creates() -> None:
    """docs/from-mangum.md: the remedy for objects that are bound to an event loop."""
    names = run(
        code("docs/from-mangum.md", "aiohttp.ClientSession"),
        **{
            found.__name__: found
            for found in (AsyncIterator, FastAPI, aiohttp, asynccontextmanager)
        },
        Any=Any,
    )
    app = FastAPI(lifespan=names["lifespan"])

    @app.get("/{port}")
    async def through(port: int, request: Request) -> str:
        async with request.state.session.get(f"http://127.0.0.1:{port}/") as response:
            assert response.status == HTTPStatus.OK
            return str(await response.text())

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def scenario() -> StreamedResponse:
        peer = web.Application()
        peer.router.add_get("/", hello)
        runner = web.AppRunner(peer)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            return await answered(app, f"/{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    response = asyncio.run(scenario())
    assert (response.exception, response.status, response.body) == (None, 200, b'"hello"')


def test_the_route_with_a_maximum_duration_and_heartbeats() -> None:
    """docs/streams.md: both keep an app from working for a client that has left."""
    ended = False
    is_quiet = asyncio.Event()

    async def quiet() -> AsyncIterator[str]:
        nonlocal ended
        yield "data: first\n\n"
        try:
            is_quiet.set()
            await asyncio.Event().wait()
        finally:
            ended = True

    async def a_minute(app: FastAPI) -> StreamedResponse:
        answer = asyncio.create_task(answered(app, "/answers", timeout_seconds=900))
        await is_quiet.wait()
        for _ in range(4):
            pass_time(15)
            for _ in range(20):  # for what is due
                await asyncio.sleep(0)
        return await answer

    source = code("docs/streams.md", "max_duration")
    # the page leaves out what is streamed
    streamed = '    return StreamingResponse(quiet(), media_type="text/event-stream")'
    names = run(
        source.replace("    ...", streamed),
        FastAPI=FastAPI,
        Request=Request,
        StreamingResponse=StreamingResponse,
        quiet=quiet,
    )
    response = play(a_minute(names["app"]))
    assert ended
    first, *heartbeats, last = response.body.decode().split("\n\n")[:-1]
    assert first == "data: first"
    assert heartbeats == [":"] * 3  # 60 seconds, each 15
    assert last == 'event: error\ndata: {"errorType":"Runtime.DurationExceeded"}'


@pytest.mark.slow
def test_the_presigned_upload() -> None:
    """docs/file_service.md: it takes what its conditions allow, and nothing else."""
    text = (TOP / "docs" / "file_service.md").read_text()
    call = re.search(
        r'^    (boto3.client\("s3"\).generate_presigned_post\(.+?\]\))$', text, re.M | re.S
    )
    assert call
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        post = eval(call[1].replace("\n", " "), {"boto3": boto3, "bucket": server.BUCKET})

        def status(content: bytes, **changes: str) -> int:
            upload = {"file": ("a b.txt", content)}
            return httpx.post(
                post["url"], data={**post["fields"], **changes}, files=upload
            ).status_code

        assert status(b"", key="inbox/empty") == HTTPStatus.BAD_REQUEST
        assert status(b"content", key="elsewhere/a.txt") == HTTPStatus.FORBIDDEN
        assert status(b"content") == HTTPStatus.NO_CONTENT
        with closing(boto3.client("s3")) as client:
            found = client.get_object(Bucket=server.BUCKET, Key="inbox/a b.txt")["Body"].read()
        assert found == b"content"
