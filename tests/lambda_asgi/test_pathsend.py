"""http.response.pathsend: whole files, also those that change or vanish while they are sent."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse
from starlette.routing import Route

from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi._pathsend import READ_SIZE
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.support import pass_time, play, runtime, stalled, start

EVENT = function_url_event("/")
QUICK = Settings(access_log=False, deadline_margin=0.2)


def file_app(path: Path, *headers: tuple[bytes, bytes]) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["extensions"] == {"http.response.pathsend": {}}
        await send(start(200, *headers))
        await send({"type": "http.response.pathsend", "path": str(path)})

    return app


def sent_file(app: Any, method: str = "GET") -> Any:
    async def scenario() -> Any:
        async with runtime(app, settings=QUICK) as running:
            running.api.invoke(function_url_event("/", method=method))
            return await running.api.answer()

    return play(scenario())


@pytest.mark.parametrize("size", [0, 1, 5 * READ_SIZE + 1])
def test_a_file(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    answer = sent_file(file_app(tmp_path / "file"))
    assert answer.content == content
    assert len(answer.chunks) <= 2 + size // READ_SIZE + 1


def test_a_file_by_starlette(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_bytes(b"x" * (READ_SIZE + 1))
    answer = sent_file(FileResponse(tmp_path / "file.txt"))
    assert answer.content == b"x" * (READ_SIZE + 1)
    assert answer.prelude["headers"]["content-length"] == str(READ_SIZE + 1)
    assert len(answer.chunks) <= 3  # Starlette's own reads are of 64 KiB


def test_a_file_behind_a_middleware_that_awaits(tmp_path: Path) -> None:
    """It waits between start and pathsend, so the headers are sent already."""
    (tmp_path / "file.txt").write_bytes(b"x" * 1000)

    async def passes(request: Any, call_next: Any) -> Any:
        answer = await call_next(request)
        await asyncio.sleep(0)
        return answer

    def endpoint(request: Any) -> FileResponse:
        return FileResponse(tmp_path / "file.txt")

    app = Starlette(
        routes=[Route("/", endpoint)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=passes)]
    )
    answer = sent_file(app)
    assert (answer.content, answer.trailers) == (b"x" * 1000, {})


def test_a_head_of_a_file_reads_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    answer = sent_file(file_app(tmp_path / "file", (b"content-length", b"1000")), method="HEAD")
    assert (answer.content, answer.prelude["headers"]) == (b"", {"content-length": "1000"})


def test_a_file_that_has_grown_is_sent_as_announced(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 1000 + b"and a new line")
    answer = sent_file(file_app(tmp_path / "log", (b"content-length", b"1000")))
    assert (answer.content, answer.trailers) == (b"x" * 1000, {})


def test_a_file_that_has_shrunk_is_visibly_broken(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 900)
    answer = sent_file(file_app(tmp_path / "file", (b"content-length", b"1000")))
    assert answer.content == b"x" * 900
    assert answer.error["trailer"] == "Runtime.UnexpectedMessage"
    assert "content-length is 1000, but the body has 900 bytes" in answer.error["errorMessage"]


def test_a_file_that_shrinks_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(40 * READ_SIZE))

    async def scenario() -> None:
        async with runtime(
            file_app(path, (b"content-length", b"%d" % (40 * READ_SIZE)))
        ) as running:
            running.api.keeps_bodies = False
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            running.api.reading.clear()
            await stalled(lambda: posted.size)
            os.truncate(path, READ_SIZE)
            running.api.reading.set()
            await posted.end()
            assert posted.size < 40 * READ_SIZE
            assert "content-length is" in posted.error["errorMessage"]

    play(scenario())


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_file_that_vanishes(tmp_path: Path, when: str) -> None:
    """A file that vanishes before it is opened is a 500. An open one stays readable to its end."""
    path = tmp_path / "file"
    path.write_bytes(bytes(20 * READ_SIZE))

    async def scenario() -> None:
        async with runtime(file_app(path)) as running:
            running.api.keeps_bodies = when == "before"
            if when == "before":
                path.unlink()
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            if when == "while":
                running.api.reading.clear()
                await stalled(lambda: posted.size)
                path.unlink()
                running.api.reading.set()
            await posted.end()
            assert posted.trailers == {}
            if when == "before":
                assert posted.prelude["statusCode"] == 500
            else:
                assert posted.size > 20 * READ_SIZE

    play(scenario())


def test_an_app_that_takes_a_missing_file_for_a_client_that_has_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both errors are an OSError. The log still says which one it was."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await file_app(tmp_path / "missing")(scope, receive, send)
        except OSError:
            return

    assert sent_file(app).prelude["statusCode"] == 500
    assert "FileNotFoundError" in caplog.text


def test_a_file_at_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(64 * READ_SIZE))

    async def scenario() -> None:
        # cancelled 200 s before the deadline, given up 100 s before it
        async with runtime(
            file_app(path), settings=Settings(access_log=False, deadline_margin=400)
        ) as running:
            running.api.keeps_bodies = False
            running.api.invoke(EVENT, seconds=1000)
            posted = await running.api.posts.get()
            running.api.reading.clear()
            await stalled(lambda: posted.size)
            pass_time(850)
            running.api.reading.set()
            await posted.end()
            assert posted.error["trailer"] == "Runtime.DeadlineExceeded"

    play(scenario())
