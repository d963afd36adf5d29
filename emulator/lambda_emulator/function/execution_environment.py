"""One execution environment: its processes, Runtime API, time limits and log."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from lambda_emulator import limits
from lambda_emulator.function.host import Host
from lambda_emulator.function.keeper import marked
from lambda_emulator.function.launch import Launch
from lambda_emulator.function.listening import listening_ports
from lambda_emulator.function.log import Lines
from lambda_emulator.function.process import Process
from lambda_emulator.function.runtime_api import RuntimeAPI
from lambda_emulator.function.runtime_posts import error_json
from lambda_emulator.invocation import ErrorAnswer, Invocation, Outcome, Report
from lambda_emulator.template.config import FunctionConfig

__all__ = ["ExecutionEnvironment", "InitError"]


class InitError(Exception):
    """The function did not start.

    Attributes:
        error: What the caller gets.
    """

    def __init__(self, error: ErrorAnswer) -> None:
        super().__init__(error.kind)
        self.error = error


def _platform_error(kind: str, message: str) -> ErrorAnswer:
    return ErrorAnswer(kind, error_json(kind, message), platform=True)


class ExecutionEnvironment:
    """The life of one environment: `start`, any number of `run`, `stop`.

    It runs one invocation at a time, or several on Managed Instances. It is the `Observer` of its
    Runtime API, which calls `initialised`, `init_failed`, `failed`, `waiting` and `completed`.

    Args:
        function: The function of the template.
        launch: The command, folder, variables and extensions to start.
        host: What all environments share, such as the console.
        on_change: Called whenever the environment may have become free, or has ended.
    """

    def __init__(
        self, function: FunctionConfig, launch: Launch, host: Host, *, on_change: Callable[[], None]
    ) -> None:
        self.function = function
        self.launch = launch
        self.host = host
        self.console = host.console
        self.on_change = on_change
        self.api = RuntimeAPI(function, self, (path.name for path in launch.extensions))
        self.running: dict[str, Invocation] = {}
        self.init_duration: float | None = None
        """Seconds; shown by the first REPORT only."""
        self.stale = False
        """The code has changed: no new invocation goes here."""
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._address = ""
        self._runtime: Process | None = None
        self._processes: list[Process] = []
        self._exits: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None
        self._lines: list[Lines] = []
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid4().hex}"

    @property
    def free(self) -> bool:
        """Whether it can take an invocation now."""
        if self.ended or self.stale or self._stopping is not None:
            return False
        if not self._ready.done():
            return False
        if self.function.managed_concurrency is not None:
            return self.api.free > 0
        if self.running:
            return False
        return self.api.free > 0 or self.api.awaiting_restore

    @property
    def settling(self) -> bool:
        """Whether it has finished its invocations, so that it may become free in a moment."""
        if not self.running:
            return False
        return all(invocation.answer.ended for invocation in self.running.values())

    @property
    def pid(self) -> int | None:
        return self._runtime.pid if self._runtime is not None else None

    def listening_ports(self) -> list[int]:
        """Return the ports that its processes listen on."""
        return listening_ports(marked(self._address))

    # ---- init

    async def start(self, budget: float) -> None:
        """Start the processes, and wait until they ask for work.

        Raises:
            InitError: They failed, or took too long. The environment has ended.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(budget):
                await self._start_processes()
                await self._ready
        except TimeoutError:
            await self.stop("timeout")
            message = f"Init timed out after {budget:.2f} seconds"
            raise InitError(_platform_error("Sandbox.Timedout", message)) from None
        except OSError as failure:
            await self.stop("failure")
            message = self.launch.why_not(failure)
            raise InitError(_platform_error("Runtime.InvalidEntrypoint", message)) from failure
        except (InitError, asyncio.CancelledError):
            await self.stop("failure")
            raise
        if not self.function.snap_start:  # Its snapshot was taken long before the first request.
            self.init_duration = time.monotonic() - started

    async def _start_processes(self) -> None:
        """Start the external extensions. When they have registered, start the runtime."""
        self._address = await self.api.start()
        variables = {**self.launch.variables, "AWS_LAMBDA_RUNTIME_API": self._address}
        if not self.function.snap_start:
            variables["AWS_LAMBDA_LOG_STREAM_NAME"] = self._stream
        for path in self.launch.extensions:
            await self._start_process([str(path)], variables, f"Extension.Crash: {path.name}")
        all_registered = self.api.extensions.all_external_registered
        registered: asyncio.Future[Any] = asyncio.ensure_future(all_registered.wait())
        await asyncio.wait([registered, self._ready], return_when=asyncio.FIRST_COMPLETED)
        registered.cancel()
        if not self._ready.done():
            command = self.launch.command
            self._runtime = await self._start_process(command, variables, "Runtime.ExitError")

    async def _start_process(
        self, command: Sequence[str], variables: Mapping[str, str], kind: str
    ) -> Process:
        lines = Lines()
        self._lines.append(lines)

        def output(data: bytes) -> None:
            self._log(lines.feed(data))

        # A debugger needs the terminal itself.
        take_output = None if self.host.debug else output
        process = await Process.start(command, self.launch.folder, variables, take_output)
        self._processes.append(process)
        watching = asyncio.create_task(self._watch_exit(process, kind))
        self._exits.append(watching)
        await self.host.keeper.hold(self._address, process.pid)
        return process

    def initialised(self) -> None:
        """The runtime and all extensions wait for work: `start`, or the restore, is complete."""
        if not self._ready.done():
            self._ready.set_result(None)
        self.on_change()

    def init_failed(self, error: ErrorAnswer) -> None:
        """The runtime or an extension cannot start: `start`, or the restore, raises InitError."""
        if not self._ready.done():
            self._ready.set_exception(InitError(error))

    def waiting(self) -> None:
        """The runtime asks for an invocation: the environment may be free."""
        self.on_change()

    # ---- invocations

    async def run(self, invocation: Invocation) -> None:
        """Deliver an invocation, and wait until the environment is done with it.

        The function's response arrives in `invocation.answer` meanwhile. Without one in time, the
        answer is an error.
        """
        report = Report(memory=self.function.memory)
        invocation.report = report
        # Output between two invocations does not belong to the next one.
        self._read_output()
        self.running[invocation.request_id] = invocation
        self._thaw()
        if self.api.awaiting_restore and not await self._restored(invocation, report):
            return
        report.init_duration = self.init_duration
        self.init_duration = None
        self.console.invocation_started(invocation)
        started = time.monotonic()
        timer = self._loop.call_later(self.function.timeout, self._timed_out, invocation)
        try:
            self.api.deliver(invocation)
            await invocation.released.wait()
        finally:
            timer.cancel()
            self.running.pop(invocation.request_id, None)
            duration = time.monotonic() - started
            report.duration = min(duration, float(self.function.timeout))
            report.max_memory_used = report.max_memory_used or self._memory_used()
            self.console.invocation_ended(invocation)
            if self.host.freeze and not self.running:
                for process in self._processes:
                    process.freeze()
            self.on_change()

    def completed(self, invocation: Invocation) -> None:
        """The invocation is over, as the Runtime API sees it: `run` returns."""
        self._read_output()
        if len(self.running) == 1:
            self._flush_lines()
        invocation.released.set()

    async def _restored(self, invocation: Invocation, report: Report) -> bool:
        """Restore the snapshot at the first invocation (SnapStart). Return whether it succeeded.

        It waits for the runtime's hooks. After a failure, the environment has ended.
        """
        started = time.monotonic()
        self._ready = self._loop.create_future()
        self.api.restore()
        try:
            async with asyncio.timeout(limits.RESTORE_SECONDS):
                await self._ready
        except TimeoutError:
            message = f"Restore took longer than {limits.RESTORE_SECONDS:g} seconds"
            error = _platform_error("SnapStartTimeoutException", message)
        except InitError as failure:
            error = failure.error
        else:
            report.restore_duration = time.monotonic() - started
            return True
        self.running.pop(invocation.request_id, None)
        invocation.answer.fail(error, Outcome.CRASH)
        invocation.released.set()
        await self.stop("failure")
        return False

    def _timed_out(self, invocation: Invocation) -> None:
        report = invocation.report
        if report is not None:
            report.status = "timeout"
            report.max_memory_used = self._memory_used()
        self._read_output()
        message = (
            f"RequestId: {invocation.request_id} Error: "
            f"Task timed out after {self.function.timeout:.2f} seconds"
        )
        error = _platform_error("Sandbox.Timedout", message)
        invocation.answer.fail(error, Outcome.TIMEOUT)
        if self.function.managed_concurrency is not None:
            # The process serves other invocations, so it is not killed.
            # A late response is refused. Documented: Managed Instances.
            self.api.forget(invocation)
            invocation.released.set()
        else:
            self._begin_stop("timeout")

    # ---- the end

    async def stop(self, reason: str = "spindown") -> None:
        """End the processes: SIGTERM and a short wait if there are extensions, then SIGKILL."""
        await asyncio.shield(self._begin_stop(reason))

    def _begin_stop(self, reason: str) -> "asyncio.Task[None]":
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(reason))
        return self._stopping

    async def _stop(self, reason: str) -> None:
        self._thaw()
        seconds = self.api.extensions.shutdown_seconds
        if self._exits and seconds:
            if self._runtime is not None:
                self._runtime.signal(signal.SIGTERM)
            self.api.extensions.tell_shutdown(reason, seconds)
            await asyncio.wait(self._exits, timeout=seconds)
        for process in self._processes:
            await process.end(self._address)
        await asyncio.gather(*self._exits)
        self.host.keeper.drop(self._address)
        await self.api.close()
        self.ended = True
        if not self._ready.done():
            self._ready.cancel()
        for process in self._processes:
            process.close_output()
        self._flush_lines()
        for invocation in self.api.take_held():
            invocation.released.set()
        self.on_change()

    async def _watch_exit(self, process: Process, kind: str) -> None:
        how = await process.wait()
        process.read_output()
        if self._stopping is not None:
            return
        who, _, name = kind.partition(": ")
        subject = f"extension {name}" if name else "Runtime"
        for invocation in list(self.running.values()):
            message = f"Error: {subject} exited with error: {how}"
            error = _platform_error(who, f"RequestId: {invocation.request_id} {message}")
            self._end_running(invocation, error)
        message = f"{subject} exited during its initialisation: {how}"
        self.init_failed(_platform_error(who, message))
        self._begin_stop("failure")

    def failed(self, error: ErrorAnswer) -> None:
        """An extension cannot continue: all invocations fail, and the environment ends."""
        for invocation in list(self.running.values()):
            self._end_running(invocation, error)
        self._begin_stop("failure")

    def _end_running(self, invocation: Invocation, error: ErrorAnswer) -> None:
        """Fail the invocations of an environment that ends, even answered ones (RIE)."""
        report = invocation.report
        if report is not None and not report.status:
            report.status = f"error Error Type: {error.kind}"
        invocation.answer.fail(error, Outcome.CRASH)

    def _thaw(self) -> None:
        for process in self._processes:
            process.thaw()

    # ---- log and memory

    def _read_output(self) -> None:
        """Read everything that the processes have written so far."""
        for process in self._processes:
            process.read_output()

    def _flush_lines(self) -> None:
        for lines in self._lines:
            self._log(lines.flush())

    def _log(self, lines: list[bytes]) -> None:
        if not lines:
            return
        request_id = None
        # With several invocations at once, nobody knows whose output it is.
        if len(self.running) == 1:
            (invocation,) = self.running.values()
            request_id = invocation.request_id
            if invocation.report is not None:
                invocation.report.add_to_tail(b"\n".join([*lines, b""]))
        texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
        self.console.log(self.function, request_id, texts)

    def _memory_used(self) -> int:
        return self._runtime.memory_used() if self._runtime is not None else 0
