"""`http.disconnect` as frameworks ask for it."""

import asyncio
from typing import Any

from starlette.requests import Request

from lambda_asgi import LambdaASGI
from lambda_asgi.testing import ExecutionEnvironment, function_url_event


def invoke(app: Any) -> None:
    async def invoked() -> None:
        async with ExecutionEnvironment(LambdaASGI(app, lifespan="off")) as environment:
            await environment.invoke(function_url_event("/", method="POST", body=b"foo"))

    asyncio.run(invoked())


def test_is_disconnected_after_the_response() -> None:
    """Starlette asks inside a cancelled scope, where an answer that waits never arrives."""
    told = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await Request(scope, receive).body() == b"foo"
        told.append(await Request(scope, receive).is_disconnected())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        for _ in range(3):
            told.append(await Request(scope, receive).is_disconnected())
            await asyncio.sleep(0)

    invoke(app)
    assert told == [False, True, True, True]


def test_asking_for_ever_lets_the_event_loop_run() -> None:
    turns = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal turns
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

        async def count() -> None:
            nonlocal turns
            for _ in range(10):
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        while not counting.done():
            assert (await receive())["type"] == "http.disconnect"

    invoke(app)
    assert turns == 10
