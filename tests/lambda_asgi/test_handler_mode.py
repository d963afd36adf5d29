"""Handler mode: wrappers of the handler, reports to Lambda's loop, and wrong uses.

test_stream_safety.py tests what an app may do, in both modes. test_handler_mode_matrix.py tests the
real loop in its versions, on every Python.
"""

import asyncio
import base64
import contextvars
import functools
import json
import logging
import socket
import subprocess
import sys
import threading
import types
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import awslambdaric.lambda_runtime_client as lambda_runtime_client  # type: ignore[import-untyped]
import pytest

from lambda_asgi import LambdaASGI
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi._event_sources import infer
from lambda_asgi._handler_mode import handler as handler_module
from lambda_asgi._handler_mode.results import NOT_KEPT, plain_result
from lambda_asgi._logging import logger
from lambda_asgi.errors import StartupFailed
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.lambdas_loop import lambdas_loop
from tests.lambda_asgi.runtime_api_server import Posted, RuntimeAPIServer, runtime_api_server
from tests.lambda_asgi.support import RunningLoop, body, hello, play, sends, start, streaming, until

EVENT = function_url_event("/")
QUICK = Settings(access_log=False, deadline_margin=0.2)
TEXT = start(200, (b"content-type", b"text/plain"))
Wrap = Callable[[Any], Any]


@asynccontextmanager
async def served(app: Any, wrap: Wrap | None = None) -> AsyncIterator[RunningLoop]:
    """`app`, its handler wrapped, under Lambda's own loop."""
    async with (
        runtime_api_server() as api,
        lambdas_loop(streaming(app), QUICK, api, wrap) as thread,
    ):
        yield RunningLoop(api, thread)


def answered(app: Any, wrap: Wrap | None = None, event: Any = EVENT) -> Posted:
    """What the Runtime API gets for one event; the loop then answers another one."""

    async def scenario() -> Posted:
        async with served(app, wrap) as running:
            running.api.invoke(event)
            posted = await running.api.answer()
            await next_is_fine(running.api)
            return posted

    return play(scenario())


async def next_is_fine(api: RuntimeAPIServer) -> None:
    """One more invocation is answered, once: nothing else was posted in between."""
    request_id = api.invoke(function_url_event("/next"))
    assert request_id in (await api.answer()).path


async def polled(api: RuntimeAPIServer, times: int) -> None:
    await until(lambda: api.polls == times)


def is_streamed(posted: Posted) -> bool:
    return "lambda-runtime-function-response-mode" in posted.headers


def wrapper(function: Callable[[Any, Any, Any], Any]) -> Wrap:
    """`function(handler, event, context)` in the handler's place; but not for the path /next."""

    def wrap(handler: Any) -> Any:
        @functools.wraps(handler)
        def wrapped(event: Any, context: Any) -> Any:
            if isinstance(event, dict) and event.get("rawPath") == "/next":
                return handler(event, context)
            return function(handler, event, context)

        return wrapped

    return wrap


# What a wrapper gets back.


def results_of(app: Any, event: Any = EVENT) -> tuple[Posted, Any]:
    results: list[Any] = []

    def keep(handler: Any, event: Any, context: Any) -> Any:
        results.append(handler(event, context))
        return results[-1]

    posted = answered(app, wrapper(keep), event)
    return posted, results[0]


def test_a_small_body_is_in_the_result() -> None:
    head = start(201, (b"content-type", b"text/plain"), (b"set-cookie", b"a=b"))
    app = sends(head, body(b"one", more=True), body(b" two"))
    posted, result = results_of(app)
    assert posted.content == b"one two"
    assert (result["statusCode"], result["body"], result["isBase64Encoded"]) == (
        201,
        "one two",
        False,
    )
    assert result["cookies"] == ["a=b"]


def test_bytes_are_in_the_result_as_base64() -> None:
    _, result = results_of(sends(start(200, (b"content-type", b"image/png")), body(b"\xff\0")))
    assert (base64.b64decode(result["body"]), result["isBase64Encoded"]) == (b"\xff\0", True)


JSON = (b"content-type", b"application/json")


@pytest.mark.parametrize(
    ("headers", "content", "is_plain"),
    [
        ([JSON, (b"content-length", b"2")], b"{}", True),
        ([JSON, (b"x-a", b"\xe9")], '"é"'.encode(), True),
        ([JSON, (b"set-cookie", b"a=b")], b"{}", False),
        ([JSON, (b"vary", b"a"), (b"vary", b"b")], b"{}", False),
        ([JSON, (b"connection", b"close")], b"{}", False),
        ([JSON, (b"content-encoding", b"gzip")], b"\x1f\x8b", False),
        ([JSON], b"\xff", False),
        ([(b"content-type", b"text/plain")], b"x", False),
        ([], b"x", False),
    ],
)
def test_the_quick_result_is_the_sources_own(headers: Any, content: bytes, is_plain: bool) -> None:
    result = plain_result(200, headers, content)
    assert (result is not None) is is_plain
    if result is not None:
        assert result == infer(EVENT).result(200, headers, content)


@pytest.mark.parametrize(("more", "kept"), [(0, True), (1, False)])
def test_a_large_body_is_not_kept(more: int, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler_module, "KEEP_UP_TO", 1000)
    _, result = results_of(sends(TEXT, body(b"x" * 600, more=True), body(b"x" * (400 + more))))
    assert result["body"] == ("x" * 1000 if kept else "")
    assert (NOT_KEPT in result) is not kept


def test_what_broke_the_stream_is_raised_to_the_wrappers(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(TEXT)
        await send(body(b"first", more=True))
        raise ValueError("in mid-stream")

    def watch(handler: Any, event: Any, context: Any) -> Any:
        try:
            return handler(event, context)
        except Exception as error:
            seen.append(error)
            raise

    posted = answered(app, wrapper(watch))
    assert posted.error["errorType"] == "ValueError"
    assert [str(error) for error in seen] == ["in mid-stream"]
    assert caplog.text.count("ValueError: in mid-stream\nTraceback") == 2, (
        "once for each invocation"
    )
    assert "[ERROR]" not in caplog.text, "Lambda's own loop does not log it again"


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    await send(TEXT)
    await send(body(b"first", more=True))
    raise ValueError("in mid-stream")


def test_the_loop_logs_what_a_wrapper_raises(caplog: pytest.LogCaptureFixture) -> None:
    def raise_another(handler: Any, event: Any, context: Any) -> Any:
        try:
            handler(event, context)
        except ValueError:
            raise KeyError("of the wrapper") from None

    answered(breaks, wrapper(raise_another))
    assert caplog.text.count("[ERROR]") == 1
    assert "[ERROR] KeyError: 'of the wrapper'" in caplog.text


def test_the_loop_logs_what_the_level_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    logger.setLevel(logging.CRITICAL)
    try:
        answered(breaks)
    finally:
        logger.setLevel(logging.NOTSET)
    assert caplog.text.count("[ERROR] ValueError: in mid-stream") == 2, "once for each invocation"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_an_exit_of_the_app_is_not_the_environments(error: BaseException) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(TEXT)
        await send(body(b"first", more=True))
        if scope["path"] != "/next":
            raise error

    assert answered(app).error["errorType"] == type(error).__name__


@pytest.mark.parametrize("messages", [[], [TEXT, body(b"hello")]], ids=["a 500", "background work"])
def test_a_response_that_is_whole_raises_nothing(messages: list[Any]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(*messages)(scope, receive, send)
        raise ValueError

    posted, result = results_of(app)
    assert result["statusCode"] == posted.prelude["statusCode"]
    assert posted.trailers == {}


# What a wrapper does.


@pytest.mark.parametrize(
    ("result", "status", "content"),
    [
        ({"statusCode": 401, "headers": {"content-type": "text/plain"}, "body": "no"}, 401, b"no"),
        ({"statusCode": "503"}, 503, b"\n"),
        ({"statusCode": 204}, 204, b""),
        (
            {
                "statusCode": 200,
                "body": base64.b64encode(b"\xff").decode(),
                "isBase64Encoded": True,
            },
            200,
            b"\xff",
        ),
        ({"statusCode": 200, "headers": {"content-length": 99}, "body": "é"}, 200, "é".encode()),
        ({"statusCode": 200, "body": {"a": 1}}, 200, b'{"a": 1}'),
        ({"warm": True}, 200, b'{"warm": true}'),
        ("warm", 200, b"warm"),
        (None, 200, b"null"),
        ({"statusCode": "many"}, 500, b"Internal Server Error"),
        ({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, 500, b"Internal Server Error"),
        ({"statusCode": 200, "headers": ["a"]}, 500, b"Internal Server Error"),
        ({"statusCode": 200, "body": "=", "isBase64Encoded": True}, 500, b"Internal Server Error"),
        ({"statusCode": 200, "body": "", NOT_KEPT: 70_000}, 500, b"Internal Server Error"),
    ],
)
def test_a_wrapper_that_answers_instead_of_the_app(
    result: Any, status: int, content: bytes
) -> None:
    posted = answered(hello, wrapper(lambda handler, event, context: result))
    assert is_streamed(posted)
    assert (posted.prelude["statusCode"], posted.content, posted.trailers) == (status, content, {})


def test_headers_of_a_wrappers_answer() -> None:
    result = {
        "statusCode": 200,
        "headers": {"X-One": "1", "Vary": "dropped"},
        "multiValueHeaders": {"vary": ["a", "b"]},
        "cookies": ["c=d"],
        "body": "",
    }
    prelude = answered(hello, wrapper(lambda handler, event, context: result)).prelude
    assert prelude["headers"]["vary"] == "a, b"
    assert prelude["headers"]["x-one"] == "1"
    assert prelude["cookies"] == ["c=d"]


def test_a_stored_result_is_replayed() -> None:
    """As with idempotency, the second response is the first one's result."""
    stored: list[Any] = []

    def idempotent(handler: Any, event: Any, context: Any) -> Any:
        if not stored:
            stored.append(handler(event, context))
        return stored[0]

    async def scenario() -> None:
        async with served(sends(TEXT, body(b"once")), wrapper(idempotent)) as running:
            for _ in range(2):
                running.api.invoke(EVENT)
                posted = await running.api.answer()
                assert is_streamed(posted)
                assert (posted.prelude["statusCode"], posted.content) == (200, b"once")

    play(scenario())


def test_a_wrapper_that_raises_before_the_app_ran() -> None:
    """The client gets a 500, and Lambda the error. Through `/error` it would be a 200 with JSON."""

    def refuse(handler: Any, event: Any, context: Any) -> Any:
        raise PermissionError("not you")

    posted = answered(hello, wrapper(refuse))
    assert is_streamed(posted)
    assert (posted.prelude["statusCode"], posted.content) == (500, b"Internal Server Error")
    assert (posted.error["errorType"], posted.error["errorMessage"]) == (
        "PermissionError",
        "not you",
    )
    assert posted.error["stackTrace"]


def test_a_wrapper_that_raises_after_the_response() -> None:
    def flush(handler: Any, event: Any, context: Any) -> Any:
        handler(event, context)
        raise TimeoutError("the telemetry's server does not answer")

    posted = answered(hello, wrapper(flush))
    assert (posted.content, posted.trailers) == (b"hello", {})


def test_a_handler_that_is_called_twice() -> None:
    """The first call answers. The second one only returns its result."""
    results: list[Any] = []

    def twice(handler: Any, event: Any, context: Any) -> Any:
        results.extend(handler(event, context) for _ in range(2))
        return results[1]

    posted = answered(hello, wrapper(twice))
    assert posted.content == b"hello"
    assert [result["statusCode"] for result in results] == [200, 200]


def test_a_handler_that_is_called_from_threads() -> None:
    results: list[Any] = []

    def threaded(handler: Any, event: Any, context: Any) -> Any:
        threads = [
            threading.Thread(target=lambda: results.append(handler(event, context)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results[0]

    assert answered(hello, wrapper(threaded)).content == b"hello"
    assert [result["statusCode"] for result in results] == [200] * 4


def test_a_handler_that_is_called_within_a_running_loop() -> None:
    async def calls(handler: Any, event: Any, context: Any) -> Any:
        return handler(event, context)

    posted = answered(hello, wrapper(lambda *arguments: asyncio.run(calls(*arguments))))
    assert posted.prelude["statusCode"] == 500
    assert "asyncio.to_thread(handler, event, context)" in posted.error["errorMessage"]


def test_a_handler_that_is_called_with_events_of_the_functions_own() -> None:
    """A handler that calls itself, as for a queue's messages, gets results. Nothing is streamed."""

    def each(handler: Any, event: Any, context: Any) -> Any:
        return [
            handler(function_url_event(record["body"]), context)["statusCode"]
            for record in event["Records"]
        ]

    posted = answered(hello, wrapper(each), {"Records": [{"body": "/a"}, {"body": "/b"}]})
    assert not is_streamed(posted)
    assert json.loads(posted.body) == [200, 200]


def test_an_event_whose_path_the_function_changes_is_still_the_delivered_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(TEXT, body(scope["path"].encode()))(scope, receive, send)

    def strip(handler: Any, event: Any, context: Any) -> Any:
        return handler(event | {"rawPath": "/changed"}, context)

    posted = answered(app, wrapper(strip))
    assert is_streamed(posted)
    assert posted.content == b"/changed"


def test_an_event_without_an_id_is_compared() -> None:
    event = function_url_event("/")
    del event["requestContext"]["requestId"]
    assert is_streamed(answered(hello, None, event))
    other = wrapper(
        lambda handler, event, context: handler(event | {"rawPath": "/other"}, context)[
            "statusCode"
        ]
    )
    assert answered(hello, other, event).content == b"200"


def test_a_data_class_around_the_event() -> None:
    class EventClass:
        def __init__(self, event: Any) -> None:
            self.raw_event = event

    wrap = wrapper(lambda handler, event, context: handler(EventClass(event), context))
    assert answered(hello, wrap).content == b"hello"


# The caller's context variables.

tracing: contextvars.ContextVar[str] = contextvars.ContextVar("tracing", default="unset")


def test_the_callers_context_variables_reach_the_app_each_invocations_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen = [tracing.get(), await asyncio.to_thread(tracing.get)]
        tracing.set("the app's own")
        await sends(TEXT, body(" ".join(seen).encode()))(scope, receive, send)

    def trace(handler: Any) -> Any:
        def traced(event: Any, context: Any) -> Any:
            token = tracing.set(context.aws_request_id)
            try:
                return handler(event, context)
            finally:
                tracing.reset(token)

        return traced

    async def scenario() -> None:
        async with served(app, trace) as running:
            for _ in range(3):
                request_id = running.api.invoke(EVENT)
                assert (await running.api.answer()).content.decode() == f"{request_id} {request_id}"

    play(scenario())


# The start.


def with_lifespan(log: list[str], failing: bool = False) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            log.append(scope["path"])
            await hello(scope, receive, send)
            return
        await receive()
        log.append("startup")
        if failing:
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()

    return app


def test_the_lifespan_starts_once_before_the_first_invocation_is_asked_for() -> None:
    log: list[str] = []

    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            lambdas_loop(LambdaASGI(with_lifespan(log), response_mode="streaming"), QUICK, api),
        ):
            await polled(api, 1)
            assert log == ["startup"]
            for _ in range(2):
                await next_is_fine(api)
            assert log == ["startup", "/next", "/next"]

    play(scenario())


@pytest.mark.parametrize("name", ["rt_main.app", "folder/rt_main.app"])
def test_an_app_that_handler_names_is_an_init_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each invocation fails: Lambda's own loop calls it with (event, context)."""
    module = types.ModuleType("main")
    module.app = hello  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name.rpartition(".")[0].replace("/", "."), module)
    monkeypatch.setenv("_HANDLER", name)

    async def scenario() -> None:
        adapter = LambdaASGI(hello, response_mode="streaming")
        async with runtime_api_server() as api, lambdas_loop(adapter, QUICK, api) as thread:
            posted = await api.answer()
            assert posted.path == "/2018-06-01/runtime/init/error"
            message = json.loads(posted.body)["errorMessage"]
            assert message.startswith(f"Handler '{name}' is an ASGI app")
            assert "handler = LambdaASGI(app" in message
            assert await RunningLoop(api, thread).ended() == 1

    play(scenario())


def test_a_task_that_exits_while_the_app_starts_changes_nothing() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await hello(scope, receive, send)
            return
        await receive()
        asyncio.get_running_loop().call_soon(sys.exit, 3)
        await asyncio.sleep(0.05)
        await send({"type": "lifespan.startup.complete"})
        await receive()

    async def scenario() -> None:
        adapter = LambdaASGI(app, response_mode="streaming")
        async with runtime_api_server() as api, lambdas_loop(adapter, QUICK, api):
            await next_is_fine(api)

    play(scenario())


def test_a_lifespan_that_fails_is_an_init_error() -> None:
    async def scenario() -> None:
        adapter = LambdaASGI(with_lifespan([], failing=True), response_mode="streaming")
        async with runtime_api_server() as api, lambdas_loop(adapter, QUICK, api) as thread:
            posted = await api.answer()
            assert posted.path == "/2018-06-01/runtime/init/error"
            assert posted.headers["lambda-runtime-function-error-type"] == "Runtime.StartupFailed"
            assert "no database" in json.loads(posted.body)["errorMessage"]
            assert await RunningLoop(api, thread).ended() == 1
            assert api.polls == 0

    play(scenario())


# The Runtime API.


def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    async def scenario() -> None:
        async with served(hello) as running:
            for polls in range(1, 6):
                await polled(running.api, polls)
                running.api.drop_idle_connections()
                running.api.invoke(EVENT)
                assert (await running.api.answer()).content == b"hello"
            assert running.api.connections == 1 + 5, "the loop's own, and one for each response"

    play(scenario())


@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_a_response_that_is_refused_is_not_answered_again(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scenario() -> None:
        async with served(hello) as running:
            running.api.late_replies["/response"] = [status]
            running.api.invoke(EVENT)
            await running.api.answer()
            await next_is_fine(running.api)

    play(scenario())
    assert f"the Runtime API answered {status}" in caplog.text
    assert "GET / 200 refused: " in caplog.text


@pytest.mark.parametrize("app", [hello, sends(TEXT, body(b"first", more=True), body(b"second"))])
@pytest.mark.parametrize("when", ["replies", "late_replies"])
def test_a_response_that_is_lost_ends_the_process(app: Any, when: str) -> None:
    async def scenario() -> None:
        async with served(app) as running:
            getattr(running.api, when)["/response"] = [500]
            running.api.invoke(EVENT)
            assert await running.ended() == 1
            assert running.api.polls == 1
            assert running.api.posts.qsize() == 1, "the loop has posted nothing of its own"

    play(scenario())


# An awslambdaric that is made differently.


def test_an_unknown_loop_gets_streams_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """A URL that streams never gets a result. The loop's second answer ends its process."""
    log: list[str] = []

    async def scenario() -> None:
        adapter = LambdaASGI(with_lifespan(log), response_mode="streaming")
        async with (
            runtime_api_server() as api,
            lambdas_loop(adapter, QUICK, api, altered=True) as thread,
        ):
            assert log == ["startup"]
            api.late_replies["/response"] = [202, 400]
            api.invoke(EVENT)
            posted = await api.answer()
            assert is_streamed(posted)
            assert posted.content == b"hello"
            assert not is_streamed(await api.answer())
            assert await RunningLoop(api, thread).ended() == 1

    play(scenario())
    (error,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "awslambdaric 4." in error
    assert "AWS_LAMBDA_EXEC_WRAPPER=/var/task/lambda_asgi/bootstrap" in error


def test_an_unknown_loop_with_an_app_that_does_not_start_fails_the_initialization() -> None:
    async def scenario() -> None:
        adapter = LambdaASGI(with_lifespan([], failing=True), response_mode="streaming")
        async with runtime_api_server() as api:
            with pytest.raises(StartupFailed, match="no database"):
                async with lambdas_loop(adapter, QUICK, api, altered=True):
                    pass

    play(scenario())


def test_a_handler_that_the_first_call_imports() -> None:
    """The delivery of that invocation was not seen. It is streamed like any other."""
    made: list[Any] = []

    def late(handler: Any) -> Any:
        lambda_runtime_client.runtime_client = (
            lambda_runtime_client.runtime_client._native
        )  # nobody is in its place yet

        def imports(event: Any, context: Any) -> Any:
            if not made:
                made.append(streaming(hello))
            return made[0](event, context)

        return imports

    async def scenario() -> None:
        async with served(hello, late) as running:
            for _ in range(2):
                running.api.invoke(EVENT)
                posted = await running.api.answer()
                assert is_streamed(posted)
        await asyncio.to_thread(made[0]._handler.close)

    play(scenario())


def test_a_handler_that_the_first_call_imports_and_that_cannot_start() -> None:
    """The client gets a 500 each time, and never the error's JSON as a 200."""
    made: list[Any] = []

    def late(handler: Any) -> Any:
        # Nobody is in its place yet.
        lambda_runtime_client.runtime_client = lambda_runtime_client.runtime_client._native

        def imports(event: Any, context: Any) -> Any:
            if not made:
                made.append(LambdaASGI(with_lifespan([], failing=True), response_mode="streaming"))
            return made[0](event, context)

        return imports

    async def scenario() -> None:
        async with served(hello, late) as running:
            running.api.invoke(EVENT)
            posted = await running.api.answer()
            assert is_streamed(posted)
            assert (posted.prelude["statusCode"], posted.content) == (500, b"Internal Server Error")
            assert (posted.error["errorType"], posted.error["errorMessage"]) == (
                "StartupFailed",
                "no database",
            )
            # By now the loop knows us, and what cannot start ends the process.
            assert (await running.api.answer()).path == "/2018-06-01/runtime/init/error"
            assert await running.ended() == 1
        await asyncio.to_thread(made[0]._handler.close)

    play(scenario())


def test_the_first_connection_imports_nothing_more() -> None:
    """Not even the codec of international names, which a host as str would need."""
    code = (
        "import sys; from lambda_asgi._handler_mode.connection import SocketConnection\n"
        "before = set(sys.modules)\n"
        "SocketConnection(sys.argv[1]).ready()\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        run = [sys.executable, "-c", code, f"{host}:{port}"]
        assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "\n"
