"""One execution environment: a subprocess that runs the function, its Runtime API, its time limits and its log."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.function.launch import Launch
from lambda_emulator.function.runtime_api import RuntimeAPI, error_json
from lambda_emulator.invocation import ErrorAnswer, Invocation, Outcome, Report
from lambda_emulator.template.reader import FunctionConfig

__all__ = ["ExecutionEnvironment", "InitError"]

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class InitError(Exception):
    """The function did not come up. `error` is what a caller is told."""

    def __init__(self, error: ErrorAnswer) -> None:
        super().__init__(error.kind)
        self.error = error


class ExecutionEnvironment:
    """Starts in `start`, runs one invocation at a time (Managed Instances: several) in `run`, ends in `stop`.

    `on_change` is called whenever it may have become free, or has ended.
    """

    def __init__(
        self, function: FunctionConfig, launch: Launch, console: Console, *, freeze: bool, on_change: Callable[[], None]
    ) -> None:
        self.function = function
        self.launch = launch
        self.console = console
        self.freeze = freeze
        self.on_change = on_change
        self.api = RuntimeAPI(function, self)
        self.running: dict[str, Invocation] = {}
        self.init_duration: float | None = None
        """Seconds; shown by the first REPORT only."""
        self.stale = False
        """The code has changed: no new invocation goes here."""
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._process: asyncio.subprocess.Process | None = None
        self._exit: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._log_fd = -1
        self._log_rest = b""
        self._frozen = False
        self._peak = 0
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid4().hex}"

    @property
    def free(self) -> bool:
        """Can it take an invocation at once?"""
        if self.ended or self.stale or self._stopping is not None or not self._ready.done():
            return False
        if self.function.managed_concurrency is None:
            return not self.running and (self.api.free > 0 or self.api.awaiting_restore)
        return self.api.free > 0

    @property
    def settling(self) -> bool:
        """Has it answered all that it was given, so that it may be free in a moment?"""
        return bool(self.running) and all(invocation.answer.ended for invocation in self.running.values())

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    # ---- init

    async def start(self, budget: float) -> None:
        """Starts the process and waits until it asks for work. Raises InitError; the environment has ended then."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(budget):
                await self._spawn()
                await self._ready
        except TimeoutError:
            message = f"Init timed out after {budget:.2f} seconds"
            error = InitError(ErrorAnswer("Sandbox.Timedout", error_json("Sandbox.Timedout", message), platform=True))
            await self.stop()
            raise error from None
        except InitError:
            await self.stop()
            raise
        except OSError as failure:
            message = f"{self.launch.command[0]}: {failure.strerror or failure}"
            await self.stop()
            raise InitError(
                ErrorAnswer("Runtime.InvalidEntrypoint", error_json("Runtime.InvalidEntrypoint", message), True)
            ) from failure
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not self.function.snap_start:  # its snapshot was taken long before the first request
            self.init_duration = time.monotonic() - started

    async def _spawn(self) -> None:
        address = await self.api.start()
        variables = {**self.launch.variables, "AWS_LAMBDA_RUNTIME_API": address}
        if not self.function.snap_start:
            variables["AWS_LAMBDA_LOG_STREAM_NAME"] = self._stream
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        self._log_fd = read_end
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.launch.command,
                cwd=self.launch.folder,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,  # a Ctrl-C at the terminal is the emulator's to handle
                preexec_fn=_die_with(os.getpid()) if _LIBC is not None else None,
            )
        finally:
            os.close(write_end)
        self._loop.add_reader(read_end, self._read_log)
        self._exit = asyncio.create_task(self._watch_exit(self._process))

    def initialised(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)
        self.on_change()

    def waiting(self) -> None:
        self.on_change()

    def init_failed(self, error: ErrorAnswer) -> None:
        self._fail(error)

    def _fail(self, error: ErrorAnswer) -> None:
        if not self._ready.done():
            self._ready.set_exception(InitError(error))

    # ---- invocations

    async def run(self, invocation: Invocation) -> None:
        """Delivers an invocation and waits until the environment has done with it; the answer is filled meanwhile."""
        report = invocation.report = Report(memory=self.function.memory)
        self.running[invocation.request_id] = invocation
        self._thaw()
        if self.api.awaiting_restore and not await self._restored(invocation, report):
            return
        report.init_duration, self.init_duration = self.init_duration, None
        self.console.invocation_started(invocation)
        started = time.monotonic()
        timer = self._loop.call_later(self.function.timeout, self._timed_out, invocation)
        try:
            self.api.deliver(invocation)
            await invocation.released.wait()
        finally:
            timer.cancel()
            self.running.pop(invocation.request_id, None)
            report.duration = min(time.monotonic() - started, float(self.function.timeout))
            report.max_memory_used = report.max_memory_used or self._memory_used()
            self.console.invocation_ended(invocation)
            if self.freeze and not self.running:
                self._signal(signal.SIGSTOP)
                self._frozen = True
            self.on_change()

    def completed(self, invocation: Invocation) -> None:
        self._read_log()
        invocation.released.set()

    async def _restored(self, invocation: Invocation, report: Report) -> bool:
        """SnapStart: the first invocation restores the snapshot, and waits for the runtime's hooks."""
        started = time.monotonic()
        self._ready = self._loop.create_future()
        self.api.restore()
        try:
            async with asyncio.timeout(limits.RESTORE_SECONDS):
                await self._ready
        except (TimeoutError, InitError) as failure:
            kind = "SnapStartTimeoutException"
            message = f"Restore took longer than {limits.RESTORE_SECONDS:g} seconds"
            error = (
                failure.error if isinstance(failure, InitError) else ErrorAnswer(kind, error_json(kind, message), True)
            )
            self.running.pop(invocation.request_id, None)
            invocation.answer.fail(error, Outcome.CRASH)
            invocation.released.set()
            await self.stop()
            return False
        report.restore_duration = time.monotonic() - started
        return True

    def _timed_out(self, invocation: Invocation) -> None:
        if invocation.report is not None:
            invocation.report.status = "timeout"
            invocation.report.max_memory_used = self._memory_used()
        self._read_log()
        message = f"RequestId: {invocation.request_id} Error: Task timed out after {self.function.timeout:.2f} seconds"
        error = ErrorAnswer("Sandbox.Timedout", error_json("Sandbox.Timedout", message), platform=True)
        invocation.answer.fail(error, Outcome.TIMEOUT)
        if self.function.managed_concurrency is not None:
            # The process serves others: nothing is killed, a late answer is refused. Documented: Managed Instances.
            self.api.forget(invocation)
            invocation.released.set()
        else:
            self._begin_stop()

    # ---- the end

    async def stop(self) -> None:
        """Ends the process: SIGTERM and a moment where an extension is registered, SIGKILL in any case."""
        await asyncio.shield(self._begin_stop())

    def _begin_stop(self) -> "asyncio.Task[None]":
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        return self._stopping

    async def _stop(self) -> None:
        if self._exit is not None:
            self._thaw()
            if seconds := self.api.shutdown_seconds:
                self._signal(signal.SIGTERM)
                await asyncio.wait([self._exit], timeout=seconds)
            self._signal(signal.SIGKILL)
            await self._exit
        await self.api.close()
        self.ended = True
        if not self._ready.done():
            self._ready.cancel()
        if self._log_fd >= 0:
            self._read_log()
            if self._log_rest:
                self._log_line(self._log_rest)
            self._loop.remove_reader(self._log_fd)
            os.close(self._log_fd)
            self._log_fd = -1
        for invocation in self.api.undelivered_end():
            invocation.released.set()
        self.on_change()

    async def _watch_exit(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self._read_log()
        how = f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"
        for invocation in list(self.running.values()):
            kind = "Runtime.ExitError"
            message = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {how}"
            answered = invocation.answer.outcome in (Outcome.SUCCESS, Outcome.ERROR)
            if invocation.report is not None and not invocation.report.status and not answered:
                invocation.report.status = f"error Error Type: {kind}"
            invocation.answer.fail(ErrorAnswer(kind, error_json(kind, message), platform=True), Outcome.CRASH)
        message = f"Runtime exited during its initialisation: {how}"
        self._fail(ErrorAnswer("Runtime.ExitError", error_json("Runtime.ExitError", message), platform=True))
        self._begin_stop()

    def _signal(self, number: signal.Signals) -> None:
        """To the whole process group, so that what the function has started ends too."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _thaw(self) -> None:
        if self._frozen:
            self._frozen = False
            self._signal(signal.SIGCONT)

    # ---- log and memory

    def _read_log(self) -> None:
        """Takes all that the process has written so far."""
        while self._log_fd >= 0:
            try:
                data = os.read(self._log_fd, 65536)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._log_fd)
                return
            *lines, self._log_rest = (self._log_rest + data).split(b"\n")
            for line in lines:
                self._log_line(line)
            if len(self._log_rest) > limits.READ_AHEAD:  # one endless line is printed in pieces
                self._log_line(self._log_rest)
                self._log_rest = b""

    def _log_line(self, line: bytes) -> None:
        invocation = next(iter(self.running.values())) if len(self.running) == 1 else None
        if invocation is not None and invocation.report is not None:
            tail = invocation.report.log_tail
            tail += line + b"\n"
            del tail[: -limits.LOG_TAIL]
        text = line.decode("utf-8", "replace").rstrip("\r")
        self.console.log_line(self.function, invocation.request_id if invocation else None, text)

    def _memory_used(self) -> int:
        """The process's peak resident set in MiB, as last seen; 0 where /proc does not tell."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
                peak = next((line for line in status if line.startswith("VmHWM")), "VmHWM: 0 kB")
            self._peak = max(self._peak, -(-int(peak.split()[1]) // 1024))
        except OSError:
            pass  # it has ended
        return self._peak


def _die_with(parent: int) -> Callable[[], None]:
    """Run in the child: the kernel kills it when the emulator dies, even by SIGKILL."""

    def prepare() -> None:
        assert _LIBC is not None
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return prepare
