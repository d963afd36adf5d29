"""lambda_asgi.testing: what it shows is what the runtime sends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi.errors import StartupFailed
from lambda_asgi.testing import ExecutionEnvironment, StreamedResponse, function_url_event

starts: list[str] = []


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
    starts.append("start")
    yield {"greeting": "hello"}
    starts.append("stop")


async def numbers(request: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number
            await asyncio.sleep(0)
        if "broken" in request.query_params:
            raise ValueError("no more numbers")

    return StreamingResponse(body(), media_type="text/plain")


async def echo(request: Request) -> JSONResponse:
    response = JSONResponse(
        {
            "method": request.method,
            "url": str(request.url),
            "body": (await request.body()).decode(),
            "cookies": request.cookies,
            "greeting": request.state.greeting,
            "request id": request.scope["aws.context"].aws_request_id,
        }
    )
    response.set_cookie("seen", "yes")
    return response


async def slow(request: Request) -> PlainTextResponse:
    await asyncio.Event().wait()
    return PlainTextResponse("never")


async def receive_message(request: Request) -> JSONResponse:
    return JSONResponse({"took": await request.json()}, status_code=200)


app = Starlette(
    routes=[
        Route("/numbers", numbers),
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/slow", slow),
        Route("/events", receive_message, methods=["POST"]),
    ],
    lifespan=lifespan,
)


def invoke(url: str, **parts: object) -> StreamedResponse:
    async def main() -> StreamedResponse:
        async with ExecutionEnvironment(app, Settings(deadline_margin=0.02)) as environment:
            event = function_url_event(url, **parts)  # type: ignore[arg-type]  # they are right
            return await environment.invoke(event, timeout_seconds=0.05 if url == "/slow" else 30)

    return asyncio.run(main())


def test_chunks_are_those_that_the_app_sent() -> None:
    response = invoke("/numbers")
    assert response.status == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.chunks == [b"0", b"1", b"2"]
    assert response.error is None


def test_a_broken_stream_has_what_lambda_is_told() -> None:
    response = invoke("/numbers?broken")
    assert response.body == b"012"
    assert response.error is not None
    assert (response.error.error_type, response.error.name) == (
        "Runtime.UserException",
        "ValueError",
    )
    assert response.error.message == "no more numbers"


def test_the_event_of_a_request() -> None:
    response = invoke(
        "/echo?a=1&b=%20", method="POST", headers={"Cookie": "x=1; y=2"}, body="ä".encode()
    )
    assert response.cookies == ["seen=yes; Path=/; SameSite=lax"]
    answer = json.loads(response.body)
    assert answer.pop("request id")
    assert answer == {
        "method": "POST",
        "url": (
            "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws/echo?a=1&b=%20"
        ),
        "body": "ä",
        "cookies": {"x": "1", "y": "2"},
        "greeting": "hello",
    }


def test_an_app_that_does_not_end_meets_its_deadline() -> None:
    assert invoke("/slow").status == 504


def test_one_lifespan_for_many_invocations() -> None:
    async def main() -> None:
        async with ExecutionEnvironment(app) as environment:
            events = [function_url_event("/numbers") for _ in range(5)]
            responses = await asyncio.gather(*map(environment.invoke, events))
            assert [response.body for response in responses] == [b"012"] * 5

    starts.clear()
    asyncio.run(main())
    assert starts == ["start", "stop"]


def test_a_buffered_result() -> None:
    async def main() -> object:
        async with ExecutionEnvironment(app) as environment:
            return await environment.invoke_buffered({"Records": [1]})

    assert asyncio.run(main()) == {"took": {"Records": [1]}}


def test_a_startup_that_fails() -> None:
    @asynccontextmanager
    async def failing(app: Starlette) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    async def main() -> None:
        async with ExecutionEnvironment(Starlette(lifespan=failing)):
            pass

    with pytest.raises(StartupFailed, match="no database"):
        asyncio.run(main())


def test_what_the_app_raised_is_at_hand() -> None:
    """A 500 alone does not say what the app raised."""

    async def raises(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("why")

    async def scenario() -> None:
        async with ExecutionEnvironment(raises) as environment:
            response = await environment.invoke(function_url_event())
            assert (response.status, response.error) == (500, None)
            with pytest.raises(KeyError, match="why"):
                raise response.exception or AssertionError

    asyncio.run(scenario())
