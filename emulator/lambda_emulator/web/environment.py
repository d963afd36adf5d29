"""One execution environment of a Web Function: a process with an HTTP server for many requests at
once.
"""

import asyncio
import contextlib
import random
import signal
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from lambda_emulator import limits
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import Launch
from lambda_emulator.function.log import Lines
from lambda_emulator.function.process import Process
from lambda_emulator.web.config import RevisionConfig
from lambda_emulator.web.metadata import MetadataEndpoint
from lambda_emulator.web.upstream import Upstream, UpstreamError

__all__ = ["StartFailed", "WebEnvironment"]

_HOST: Final = "127.0.0.1"
_LOOK_AGAIN_SECONDS: Final = 0.005
_PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


class StartFailed(Exception):
    """The app does not listen. Its requests get `status`."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


class WebEnvironment:
    """Starts in `start`, serves in `connect`, ends in `stop`.

    `on_exit` is called when the process ends by itself.
    """

    def __init__(
        self,
        revision: RevisionConfig,
        launch: Launch,
        host: Host,
        *,
        on_exit: Callable[["WebEnvironment"], None],
    ) -> None:
        self.revision = revision
        self.launch = launch
        self.host = host
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/{uuid4().hex}"
        self.ready = False
        self.stale = False
        """No new request goes here: the code has changed, or it is about to end."""
        self.requests = 0
        """How many are under way."""
        self.cold = True
        """It has served no request yet."""
        self.idle_since = 0.0
        self._on_exit = on_exit
        self._metadata = MetadataEndpoint(revision.region)
        self._address = ""
        self._port = _free_port()
        self._lines = Lines()
        self._process: Process | None = None
        self._exit: asyncio.Task[str] | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            StartFailed: It does not listen in time. The environment has ended.
        """
        try:
            self._exit = await self._start_process()
            await self._listens(self._exit)
        except OSError as error:
            await self.stop()
            raise StartFailed(
                502, "Application.InitCodeError", self.launch.why_not(error)
            ) from error
        except BaseException:
            await self.stop()
            raise
        self.ready = True
        self.idle_since = time.monotonic()
        self._exit.add_done_callback(self._exited)

    async def _start_process(self) -> "asyncio.Task[str]":
        self._address = await self._metadata.start()
        variables = {
            **self.launch.variables,
            "AWS_LAMBDA_HTTP_ENDPOINT": f"{_HOST}:{self._port}",
            "AWS_LAMBDA_METADATA_API": self._address,
            "AWS_LAMBDA_METADATA_TOKEN": self._metadata.token,
            "AWS_LAMBDA_RUNTIME_API": self._address,
        }
        process = self._process = await Process.start(
            self.launch.command,
            self.launch.folder,
            variables,
            None if self.host.debug else self._output,
        )
        exiting = asyncio.create_task(process.wait())
        await self.host.keeper.hold(self._address, process.pid)
        return exiting

    def _output(self, data: bytes) -> None:
        self._log(self._lines.feed(data))

    async def _listens(self, exiting: "asyncio.Task[str]") -> None:
        try:
            async with asyncio.timeout(self.host.limit(limits.WEB_INIT_SECONDS)):
                while not exiting.done():
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection(_HOST, self._port)
                        writer.transport.abort()
                        return
                    await asyncio.wait([exiting], timeout=_LOOK_AGAIN_SECONDS)
        except TimeoutError:
            message = (
                f"nothing listens on AWS_LAMBDA_HTTP_ENDPOINT ({_HOST}:{self._port}) "
                f"after {limits.WEB_INIT_SECONDS:g} s"
            )
            raise StartFailed(500, "Application.InitCodeError", message) from None
        message = f"the app ended before it listened: {exiting.result()}"
        raise StartFailed(502, "Application.InitCodeError", message)

    def _exited(self, exiting: "asyncio.Task[str]") -> None:
        if not exiting.cancelled() and self._stopping is None:
            self.host.console.note(
                f"{self.revision.name}: the app's process has ended by itself ({exiting.result()})"
            )
            self._begin_stop()
            self._on_exit(self)

    def _log(self, lines: list[bytes]) -> None:
        if lines:
            self.host.console.log(
                self.revision,
                None,
                [line.decode("utf-8", "replace").rstrip("\r") for line in lines],
            )

    @property
    def has_room(self) -> bool:
        return self.ready and not self.stale and self.requests < self.revision.concurrency

    async def connect(self) -> Upstream:
        """Return a connection for one request.

        Raises:
            UpstreamError: The app's process has ended, or accepts no connection.
        """
        if self._stopping is not None:
            raise UpstreamError("the app's process has ended")
        return await Upstream.connect(_HOST, self._port)

    async def stop(self) -> None:
        """Send SIGTERM and wait for one second. Requests that still run are cut."""
        await asyncio.shield(self._begin_stop())

    def _begin_stop(self) -> "asyncio.Task[None]":
        self.stale = True
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        return self._stopping

    async def _stop(self) -> None:
        if self._process is not None and self._exit is not None:
            self._process.signal(signal.SIGTERM)
            await asyncio.wait([self._exit], timeout=limits.WEB_SHUTDOWN_SECONDS)
        if self._process is not None:
            await self._process.end(self._address)
            self.host.keeper.drop(self._address)
            self._process.close_output()
            self._log(self._lines.flush())
        await self._metadata.close()


def _free_port() -> int:
    """Return an unused port below the range from which the kernel picks ports by itself.

    So no other program gets it by chance before the app listens there.
    """
    highest = int(_PORT_RANGE.read_text().split()[0]) if _PORT_RANGE.exists() else 32_768
    for port in random.sample(
        range(10_000, max(highest, 10_001)), k=min(1000, max(highest - 10_000, 1))
    ):
        with contextlib.suppress(OSError), socket.create_server((_HOST, port)):
            return port
    with socket.create_server((_HOST, 0)) as server:
        return int(server.getsockname()[1])
