"""The public API as a user's type checker sees it. `mypy --strict` checks it; nothing runs it.

What is here may be imported, and keeps its types. Everything else in lambda_asgi has a name with an
underscore.
"""

from typing import Any, assert_type

from lambda_asgi import LambdaASGI, __version__, run
from lambda_asgi.errors import ClientDisconnected, LambdaASGIError, StartupFailed
from lambda_asgi.logging import InvocationFilter
from lambda_asgi.testing import ExecutionEnvironment, StreamedResponse, function_url_event


async def app(scope: Any, receive: Any, send: Any) -> None:
    try:
        await send({"type": "http.response.start", "status": 200})
    except ClientDisconnected as error:
        assert_type(error.errno, int | None)


handler = LambdaASGI(
    app,
    lifespan="on",
    api_gateway_base_path="/v1",
    custom_handlers=[],
    text_mime_types=["application/x-own"],
    exclude_headers=["x-internal"],
    response_mode="function-url=streaming,rest-api=buffered",
    strip_root_path=True,
    allow_http_events=True,
)
assert_type(handler({}, None), Any)
assert_type(__version__, str)


async def in_a_test() -> None:
    try:
        async with ExecutionEnvironment(handler) as environment:
            assert_type(environment, ExecutionEnvironment)
            event = function_url_event(
                "/path?query=1", method="POST", headers={"x": "y"}, body=b"body"
            )
            assert_type(event, dict[str, Any])
            response = await environment.invoke(event, timeout_seconds=3.0)
            assert_type(response, StreamedResponse)
            assert_type(response.status, int)
            assert_type(response.headers, dict[str, str])
            assert_type(response.cookies, list[str])
            assert_type(response.chunks, list[bytes])
            assert_type(response.body, bytes)
            assert_type(await environment.invoke_buffered(event), Any)
    except StartupFailed as failure:
        assert_type(failure.error_type, str)
        assert_type(failure.status, int)
        raise LambdaASGIError from failure


def in_a_bootstrap() -> None:
    InvocationFilter("app")
    run(app)


LambdaASGI("no app")  # type: ignore[arg-type]  # an ASGI app is called with three arguments
LambdaASGI(app, lifespan="maybe")  # type: ignore[arg-type]  # "auto", "on" or "off"
