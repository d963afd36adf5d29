"""The app under uvicorn, one process for all requests as on a Web Function; and in the emulator.

No test uses a clock. The source waits until the test releases it. Each test checks threads and the
order of events.
"""

import asyncio
import importlib.util
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn

APP = Path(__file__).parent / "app"
PATIENCE = 120.0


class Shared:
    """The app under uvicorn in a thread, with a source that waits for `may_go_on`."""

    def __init__(self) -> None:
        self.order: list[str] = []
        """What happened: a request's path, `waits` and `goes on` of the source."""
        self.loop_thread = self.source_thread = 0
        self.waits, self.may_go_on = threading.Event(), threading.Event()
        self.address: tuple[str, int] = ("", 0)
        self._app = self._load()

    def _load(self) -> Any:
        spec = importlib.util.spec_from_file_location("generators_main", APP / "main.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # FastAPI resolves annotations in the module.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        module.time = SimpleNamespace(sleep=self._wait)
        return module.app

    def _wait(self, seconds: float) -> None:
        self.source_thread = threading.get_ident()
        self.order.append("waits")
        self.waits.set()
        assert self.may_go_on.wait(PATIENCE)
        self.order.append("goes on")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.loop_thread = threading.get_ident()
        if scope["type"] == "http":
            self.order.append(scope["path"])
        await self._app(scope, receive, send)

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def ask_for_a_ping(self) -> socket.socket:
        """The request is on its way to the server when this returns."""
        connection = socket.create_connection(self.address, timeout=PATIENCE)
        connection.sendall(b"GET /ping HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n")
        return connection


def answer(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture
def shared() -> Iterator[Shared]:
    app = Shared()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app.address = listening.getsockname()
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield app
        finally:
            app.may_go_on.set()
            server.should_exit = True
            thread.join()


def test_one_that_blocks_stops_everybody_else(shared: Shared) -> None:
    """It waits in the thread of the event loop. So a ping has its turn when the wait is over."""
    with ThreadPoolExecutor() as pool:
        stream = pool.submit(httpx.get, f"{shared.url}/blocking?pieces=1", timeout=PATIENCE)
        assert shared.waits.wait(PATIENCE)
        ping = shared.ask_for_a_ping()
        shared.may_go_on.set()
        assert answer(ping).endswith(b'"pong"')
        assert stream.result().text == "a piece\n"
    assert shared.source_thread == shared.loop_thread
    assert shared.order == ["/blocking", "waits", "goes on", "/ping"]


@pytest.mark.parametrize("path", ["/sync", "/threads"])
def test_the_others_do_not(shared: Shared, path: str) -> None:
    """They wait in another thread. A ping is answered meanwhile."""
    with ThreadPoolExecutor() as pool:
        stream = pool.submit(httpx.get, f"{shared.url}{path}?pieces=1", timeout=PATIENCE)
        assert shared.waits.wait(PATIENCE)
        assert answer(shared.ask_for_a_ping()).endswith(b'"pong"')
        shared.may_go_on.set()
        assert stream.result().text == "a piece\n"
    assert shared.source_thread != shared.loop_thread
    assert shared.order == [path, "waits", "/ping", "goes on"]


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any]) -> str:
    served: str = serve().url
    return served


@pytest.mark.parametrize("path", ["/blocking", "/sync", "/threads"])
def test_all_give_the_same(url: str, path: str) -> None:
    assert httpx.get(f"{url}{path}?pieces=2", timeout=PATIENCE).text == "a piece\n" * 2


def test_a_file(url: str) -> None:
    assert httpx.get(f"{url}/file", timeout=PATIENCE).content == (APP / "main.py").read_bytes()
