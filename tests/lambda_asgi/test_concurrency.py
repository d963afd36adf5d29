"""Managed Instances: N invocations at once on one event loop, and nothing of one reaches another.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lambda_asgi import _prelude as prelude
from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Environment
from lambda_asgi._invocation import current_invocation
from lambda_asgi._runtime import Runtime
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import Posted, RuntimeAPIServer, runtime_api_server
from tests.lambda_asgi.support import ForwardLoop, pass_time


class Meeting:
    """An app whose responses wait in the middle until the test opens the door of their path."""

    def __init__(self) -> None:
        self.doors: dict[str, asyncio.Event] = {}
        self.lifespans = 0
        self.cancelled: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.lifespans += 1
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        path = scope["path"]
        door = self.doors.setdefault(path, asyncio.Event())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": who_am_i(), "more_body": True})
        try:
            await door.wait()
        except asyncio.CancelledError:
            self.cancelled.append(path)
            raise
        if path == "/fails":
            raise ValueError("on purpose")
        await send({"type": "http.response.body", "body": who_am_i()})


def who_am_i() -> bytes:
    invocation = current_invocation.get()
    assert invocation is not None
    return f"{invocation.request_id} {invocation.trace_id} {invocation.tenant_id}".encode()


@asynccontextmanager
async def environment(
    api: RuntimeAPIServer, app: Meeting, concurrency: int, **settings: Any
) -> AsyncIterator[None]:
    """A runtime in this event loop, until the block ends."""
    runtime = Runtime(
        Environment(
            runtime_api=api.address,
            handler="",
            max_concurrency=concurrency,
            concurrent=True,
            initialization_type="lambda-managed-instances",
            **settings,
        ),
        LambdaASGI(app, response_mode="streaming"),
    )
    task = asyncio.create_task(runtime.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def invoke(api: RuntimeAPIServer, path: str, **options: Any) -> str:
    request_id = api.invoke(
        function_url_event(path),
        headers={
            "Lambda-Runtime-Trace-Id": f"Root={path}",
            "Lambda-Runtime-Aws-Tenant-Id": f"tenant{path}",
        },
        **options,
    )
    return f"{request_id} Root={path} tenant{path}"


async def response(api: RuntimeAPIServer) -> Posted:
    """Return the next POST for an invocation, when it begins."""
    while (posted := await api.posts.get()).path.startswith("/2020-01-01/extension"):
        pass
    return posted


async def first_chunks(api: RuntimeAPIServer, count: int) -> dict[str, Posted]:
    """Return the posts by the name that the app sends in the first chunk."""
    found = {}
    for _ in range(count):
        posted = await response(api)
        first = (await posted.chunk()).partition(prelude.DELIMITER)[2]
        found[first.decode()] = posted
    return found


@pytest.fixture(autouse=True)
def _no_trace_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)


def test_as_many_at_once_as_lambda_allows_and_each_keeps_its_own_context() -> None:
    async def main() -> None:
        app = Meeting()
        async with runtime_api_server() as api, environment(api, app, 64):
            who = [invoke(api, f"/{number}") for number in range(65)]
            under_way = await first_chunks(api, 64)
            assert under_way.keys() <= set(who)
            assert api.posts.empty(), "the 65th has to wait"
            for number in reversed(range(65)):
                app.doors.setdefault(f"/{number}", asyncio.Event()).set()
            under_way |= await first_chunks(api, 1)
            for name, posted in under_way.items():
                await posted.end()
                assert posted.content == 2 * name.encode()
            assert under_way.keys() == set(who)
            assert app.lifespans == 1
            assert "_X_AMZN_TRACE_ID" not in os.environ

    asyncio.run(main())


def test_answers_come_in_any_order() -> None:
    async def main() -> None:
        app = Meeting()
        async with runtime_api_server() as api, environment(api, app, 3):
            who = [invoke(api, f"/{number}") for number in range(3)]
            under_way = await first_chunks(api, 3)
            finished = []
            for number in (1, 2, 0):
                app.doors[f"/{number}"].set()
                await under_way[who[number]].end()
                finished.append(who[number])
                assert {name for name, posted in under_way.items() if posted.complete} == set(
                    finished
                )

    asyncio.run(main())


def test_one_that_fails_breaks_no_other() -> None:
    async def main() -> None:
        app = Meeting()
        async with runtime_api_server() as api, environment(api, app, 2):
            failing, fine = invoke(api, "/fails"), invoke(api, "/fine")
            under_way = await first_chunks(api, 2)
            app.doors["/fails"].set()
            failed = await under_way[failing].end()
            assert failed.trailers["lambda-runtime-function-error-type"] == "Runtime.UserException"
            app.doors["/fine"].set()
            succeeded = await under_way[fine].end()
            assert succeeded.complete
            assert not succeeded.trailers

    asyncio.run(main())


def test_a_deadline_ends_its_own_invocation_only() -> None:
    async def main() -> None:
        app = Meeting()
        async with runtime_api_server() as api, environment(api, app, 2):
            late, fine = invoke(api, "/late", seconds=500), invoke(api, "/fine", seconds=3000)
            under_way = await first_chunks(api, 2)
            pass_time(500)
            ended = await under_way[late].end()
            assert (
                ended.trailers["lambda-runtime-function-error-type"] == "Runtime.DeadlineExceeded"
            )
            assert app.cancelled == ["/late"]
            app.doors["/fine"].set()
            assert not (await under_way[fine].end()).trailers

    with asyncio.Runner(loop_factory=ForwardLoop) as runner:
        runner.run(main())


def test_a_lost_connection_ends_its_own_invocation_only() -> None:
    async def main() -> None:
        app = Meeting()
        async with runtime_api_server() as api, environment(api, app, 2):
            lost, fine = invoke(api, "/lost"), invoke(api, "/fine")
            under_way = await first_chunks(api, 2)
            under_way[lost].abort()
            app.doors["/fine"].set()
            assert (await under_way[fine].end()).complete
            app.doors["/lost"].set()
            again = invoke(api, "/again")
            app.doors["/again"] = asyncio.Event()
            app.doors["/again"].set()
            assert (await (await first_chunks(api, 1))[again].end()).complete

    asyncio.run(main())


def test_a_runtime_api_that_has_gone_ends_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambda_asgi._poller.FIRST_PAUSE", 0.001)

    async def main() -> int:
        async with runtime_api_server() as api:
            address = api.address
        runtime = Runtime(
            Environment(runtime_api=address, handler="", max_concurrency=2, concurrent=True),
            LambdaASGI(Meeting()),
        )
        return await runtime.run()

    assert asyncio.run(main()) == 1
