"""A runtime in the test's own event loop, and a count of what it leaves behind."""

import asyncio
import gc
import os
import threading
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._asgi import ASGIApp, Message, Scope, Send
from lambda_asgi._environment import Environment, FunctionIdentity, Settings
from lambda_asgi._runtime import Runtime
from tests.lambda_asgi.forward_loop import ForwardLoop, others_wait, pass_time
from tests.lambda_asgi.lambdas_loop import LoopThread, lambdas_loop
from tests.lambda_asgi.runtime_api_server import RuntimeAPIServer, runtime_api_server
from tests.patience import PATIENCE

__all__ = ["ForwardLoop", "pass_time"]

T = TypeVar("T")


class Mode:
    """The mode that `runtime` runs an app in. The fixture `mode` sets it."""

    is_handler_mode = False


class Running(Protocol):
    """`api` is the other side. `ended` gives the exit code."""

    api: RuntimeAPIServer
    connections: int
    """How many it needs: in handler mode Lambda's own loop has one, and a stream another."""

    @property
    def has_ended(self) -> bool: ...

    async def ended(self) -> int: ...


class RunningRuntime:
    connections = 1

    def __init__(self, api: RuntimeAPIServer, task: asyncio.Task[int]) -> None:
        self.api = api
        self._task = task

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    async def ended(self) -> int:
        return await self._task


class RunningLoop:
    connections = 2

    def __init__(self, api: RuntimeAPIServer, thread: LoopThread) -> None:
        self.api = api
        self._thread = thread

    @property
    def has_ended(self) -> bool:
        return self._thread.over.done()

    async def ended(self) -> int:
        await self._thread.over
        return self._thread.exit_code or 0


@asynccontextmanager
async def runtime(
    app: Any, *, settings: Settings | None = None, api: RuntimeAPIServer | None = None
) -> AsyncIterator[Running]:
    """Serve `app` (an ASGI app or a LambdaASGI) in the test's mode until the block ends."""
    adapter = app if isinstance(app, LambdaASGI) else streaming(app)
    settings = settings or Settings(access_log=False)
    async with runtime_api_server() as server:
        server = api or server
        if Mode.is_handler_mode:
            async with lambdas_loop(adapter, settings, server) as thread:
                yield RunningLoop(server, thread)
            return
        environment = Environment(
            runtime_api=server.address,
            handler="test.app",
            settings=settings,
            function=FunctionIdentity(name="test"),
        )
        task = asyncio.create_task(Runtime(environment, adapter).run())
        try:
            yield RunningRuntime(server, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Signal:
    """An event that one event loop sets and another one waits for, each in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        with self._lock:
            self._is_set = True
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.get_loop().call_soon_threadsafe(_wake, future)

    async def wait(self) -> None:
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._is_set:
                return
            self._waiting.append(future)
        await future


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def streaming(app: Any) -> LambdaASGI:
    """`app` without a lifespan; it streams."""
    return LambdaASGI(app, lifespan="off", response_mode="streaming")


def play(scenario: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
    """Run it in an event loop of its own. Fail if it hangs, or leaves tasks or descriptors."""
    loop = ForwardLoop()

    async def watched() -> T:
        tasks, before = len(asyncio.all_tasks()), descriptors()
        async with asyncio.timeout(patience) as loop.patience:
            result = await scenario
        for _ in range(20):  # for what was closed or cancelled last
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == tasks, asyncio.all_tasks()
        assert (
            descriptors() <= before + 1
        )  # the first thread of an executor, or of getaddrinfo, needs none or one
        gc.collect()
        assert not _open_generators()
        return result

    gc.freeze()  # so that gc.collect() looks at what the scenario has made, and at nothing else
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(watched())
    finally:
        gc.unfreeze()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _open_generators() -> list[types.AsyncGeneratorType[Any, Any]]:
    """Those that began in this event loop; it keeps them, to close them at its end."""
    loop: Any = asyncio.get_running_loop()
    begun: Any = loop._asyncgens  # private, but exact
    return [generator for generator in begun if generator.ag_frame is not None]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that no event reports."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


async def stalled(progress: Callable[[], int]) -> int:
    """Wait until `progress` stays the same for many iterations of the event loop. Return it."""
    same = 0
    before = progress()
    while same < 200:
        await asyncio.sleep(0)
        same = same + 1 if progress() == before and others_wait() else 0
        before = progress()
    return before


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def sends(*messages: Message) -> ASGIApp:
    """An app that sends these."""

    async def app(scope: Scope, receive: Any, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


async def hello(scope: Scope, receive: Any, send: Send) -> None:
    await send(start())
    await send(body(b"hello"))


def texts(records: Sequence[Any]) -> str:
    return "\n".join(record.getMessage() for record in records)
