"""The app as Lambda runs it, without sockets. `lambda_asgi.testing` returns each chunk."""

import asyncio

from main import app

from lambda_asgi.testing import ExecutionEnvironment, StreamedResponse, function_url_event


def get(path: str) -> StreamedResponse:
    async def invoke() -> StreamedResponse:
        async with ExecutionEnvironment(app) as environment:
            return await environment.invoke(function_url_event(path))

    return asyncio.run(invoke())


def test_hello() -> None:
    response = get("/")
    assert response.status == 200
    assert response.body == b'{"message":"hello"}'


def test_each_number_is_a_chunk_of_its_own() -> None:
    assert get("/numbers?last=2").chunks == [b"data: 1\n\n", b"data: 2\n\n"]


def test_too_many_numbers() -> None:
    assert get("/numbers?last=1000").status == 422
