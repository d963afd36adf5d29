"""The connection closes between `next` and the response, which is sent whole or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from lambda_asgi import _response_mode
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi.errors import ClientDisconnected
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import RuntimeAPIServer, runtime_api_server
from tests.lambda_asgi.support import Mode, Signal, body, play, runtime, start, until

EVENT = function_url_event("/")
STREAMED = Settings(access_log=True, deadline_margin=0.2)
BUFFERED = Settings(access_log=True, response_mode=_response_mode.BUFFERED)


def after_the_connection(
    api: list[RuntimeAPIServer], then: Callable[[Send], Awaitable[None]], *, listening: bool
) -> Any:
    """An app whose first act is to lose the connection to the Runtime API."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        (server,) = api
        if not listening:
            await server.stop()
        server.drop_connections()
        for _ in range(20):
            await asyncio.sleep(0.001)
        await then(send)

    return app


async def swallows_errors(send: Send) -> None:
    for message in (start(), body(b"first", more=True), body(b"middle", more=True), body(b" end")):
        with suppress(Exception):
            await send(message)


async def cleans_up(send: Send) -> None:
    try:
        await send(start())
        await send(body(b"first", more=True))
    finally:
        with suppress(ClientDisconnected):
            await send(body(b" end"))


async def whole(send: Send) -> None:
    await send(start())
    await send(body(b"whole"))


async def waits(send: Send) -> None:
    await send(start())
    await asyncio.sleep(0.01)
    with suppress(Exception):
        await send(body(b"late"))


def access_line(caplog: pytest.LogCaptureFixture) -> str:
    """The line of the only invocation."""
    (line,) = [
        record.getMessage() for record in caplog.records if record.name == "lambda_asgi.access"
    ]
    return line


@pytest.mark.parametrize("settings", [STREAMED, BUFFERED], ids=["streamed", "buffered"])
@pytest.mark.parametrize("then", [swallows_errors, cleans_up, whole, waits])
def test_where_nobody_listens_any_more_the_invocation_is_lost(
    then: Callable[[Send], Awaitable[None]], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """An app that ignores the error must not have `200 complete` in its log."""

    async def scenario() -> None:
        api: list[RuntimeAPIServer] = []
        async with runtime(
            after_the_connection(api, then, listening=False), settings=settings
        ) as running:
            api.append(running.api)
            running.api.invoke(EVENT)
            assert await running.ended() == 1
            assert running.api.posts.empty()

    caplog.set_level("INFO")
    play(scenario())
    assert " lost: " in access_line(caplog)


@pytest.mark.usefixtures("mode")
@pytest.mark.parametrize("then", [swallows_errors, cleans_up, whole, waits])
def test_in_both_modes_an_invocation_without_a_connection_is_lost(
    then: Callable[[Send], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """In handler mode `send` itself raises the error, and an app may swallow it."""

    async def scenario() -> None:
        working, go_on = Signal(), Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            working.set()
            await go_on.wait()
            await then(send)

        async with runtime(app, settings=STREAMED) as running:
            running.api.invoke(EVENT)
            await working.wait()
            await running.api.stop()
            go_on.set()
            assert await running.ended() == 1
            assert running.api.posts.empty()

    caplog.set_level("INFO")
    play(scenario())
    assert " lost: " in access_line(caplog)


@pytest.mark.parametrize("then", [swallows_errors, cleans_up, whole, waits])
def test_where_a_new_connection_is_made_the_response_is_whole(
    then: Callable[[Send], Awaitable[None]],
) -> None:
    expected: dict[Any, bytes] = {
        swallows_errors: b"firstmiddle end",
        cleans_up: b"first end",
        whole: b"whole",
        waits: b"late",
    }

    async def scenario() -> None:
        api: list[RuntimeAPIServer] = []
        async with runtime(
            after_the_connection(api, then, listening=True), settings=STREAMED
        ) as running:
            api.append(running.api)
            running.api.invoke(EVENT)
            posted = await running.api.answer()
            assert (posted.prelude["statusCode"], posted.content) == (200, expected[then])
            assert posted.complete
            assert not posted.trailers

    play(scenario())


def test_sends_at_once_share_the_new_connection() -> None:
    """Otherwise each would open a connection, and all but the first would carry bare chunks."""

    async def at_once(send: Send) -> None:
        await send(start())
        await asyncio.gather(*(send(body(b"%d" % number, more=True)) for number in range(4)))
        await send(body())

    async def scenario() -> None:
        api: list[RuntimeAPIServer] = []
        async with runtime(
            after_the_connection(api, at_once, listening=True), settings=STREAMED
        ) as running:
            api.append(running.api)
            running.api.invoke(EVENT)
            posted = await running.api.answer()
            assert posted.content == b"0123"
            await until(lambda: running.api.polls == 2)
            assert running.api.connections == 2
            assert running.api.posts.empty()

    play(scenario())


def test_tasks_that_ask_a_client_at_once_get_one_connection() -> None:
    async def scenario() -> None:
        async with runtime_api_server() as server:
            client = RuntimeAPIClient(server.address)
            connections = await asyncio.gather(*(client.connection() for _ in range(4)))
            assert len(set(map(id, connections))) == 1
            client.close()
            await until(lambda: server.connections == 1)

    play(scenario())


def test_an_app_that_is_cancelled_while_the_connection_is_made_has_a_whole_response() -> None:
    """The parts that wait for the connection must not be lost with the app's task."""

    async def impatient(send: Send) -> None:
        await send(start())
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await send(body(b"first", more=True))
        raise KeyError("after the first part")

    async def scenario() -> None:
        api: list[RuntimeAPIServer] = []
        async with runtime(
            after_the_connection(api, impatient, listening=True), settings=STREAMED
        ) as running:
            api.append(running.api)
            running.api.invoke(EVENT)
            posted = await running.api.answer()
            if posted.trailers:
                assert (posted.prelude["statusCode"], posted.content) == (200, b"first")
                assert posted.error["errorType"] == "KeyError"
            else:  # the time was over before the message was taken
                assert posted.prelude["statusCode"] == 500

    play(scenario())


@pytest.mark.usefixtures("mode")
def test_an_early_reply_while_bytes_are_unsent_ends_the_connection() -> None:
    """Otherwise the rest of the response would begin the next request."""
    size = 32 * 1024 * 1024

    async def scenario() -> None:
        ended = Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            big = scope["aws.context"].aws_request_id == "request-1"
            await send(start())
            await send(body(b"x" * size if big else b"hello"))
            ended.set()

        async with runtime(app, settings=STREAMED) as running:
            running.api.keeps_bodies = False
            running.api.replies["/response"] = [202]
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            running.api.reading.clear()  # the server that has replied reads no more
            await ended.wait()
            if not Mode.is_handler_mode:  # otherwise Lambda's own loop has a connection
                await until(lambda: running.api.connections == 2)
            running.api.reading.set()
            await posted.end()
            assert posted.size < size
            running.api.keeps_bodies = True
            running.api.invoke(EVENT)
            assert (await running.api.answer()).content == b"hello"
            assert running.api.connections == running.connections + 1
            assert not running.has_ended

    play(scenario())
