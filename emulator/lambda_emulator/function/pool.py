"""A function and its pool of execution environments: which gets an invocation, when one starts."""

import asyncio
from collections import deque
from typing import Final

from lambda_emulator import limits
from lambda_emulator.function.execution_environment import ExecutionEnvironment, InitError
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import Launch
from lambda_emulator.function.runtime_posts import error_json
from lambda_emulator.invocation import ErrorAnswer, Invocation, Outcome
from lambda_emulator.template.config import FunctionConfig

__all__ = ["Function", "Throttled"]


_NO_ANSWER: Final = ErrorAnswer(
    "Runtime.TruncatedResponse",
    error_json("Runtime.TruncatedResponse", "The runtime sent no complete answer."),
    platform=True,
)


class Throttled(Exception):
    """The function's reserved concurrency is used up. AWS responds with 429."""


class Function:
    """Runs invocations in a pool of environments: one each (Managed Instances: several).

    An invocation waits if no environment is free. `concurrency` is the most environments on this
    machine.
    `submit` refuses an invocation only where AWS would: above the reserved concurrency.
    """

    def __init__(
        self,
        config: FunctionConfig,
        launch: Launch,
        host: Host,
        *,
        concurrency: int,
        is_fixed: bool = True,
    ) -> None:
        """`is_fixed`: `concurrency` stays as given. Otherwise it becomes 1 if the function listens
        on a port.
        """
        self.config = config
        self.launch = launch
        self.host = host
        self.console = host.console
        self.concurrency = concurrency
        self._knows_ports = is_fixed or concurrency == 1
        self._environments: list[ExecutionEnvironment] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = 0

    def submit(self, invocation: Invocation) -> None:
        """Start an invocation and return at once. `invocation.answer` is filled while it runs.

        Raises:
            Throttled: The function's reserved concurrency is used up.
        """
        reserved = self.config.reserved_concurrency
        if reserved is not None and self._in_flight >= reserved:
            raise Throttled
        self._in_flight += 1
        task = asyncio.create_task(self._serve(invocation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, invocation: Invocation) -> None:
        try:
            environment = await self._environment()
            await environment.run(invocation)
        except InitError as failure:
            self.console.init_failed(self.config, failure.error)
            invocation.answer.fail(failure.error, Outcome.CRASH)
        finally:
            self._in_flight -= 1
            # There is no answer yet: the runtime broke off its post and asked for
            # more, or the emulator ends.
            invocation.answer.fail(_NO_ANSWER, Outcome.CRASH)
            invocation.done.set()
            self._wake()

    async def warm_up(self) -> None:
        """Start an environment before the first request, to report a broken function early. Raises
        InitError.
        """
        await self._start()

    async def replace(self) -> None:
        """Call this after the code, `config` or `launch` changed.

        Idle environments end now, busy ones after their invocation.
        """
        for environment in self._environments:
            environment.stale = True
        idle = [environment for environment in self._environments if not environment.running]
        await asyncio.gather(*(environment.stop() for environment in idle))

    async def stop(self) -> None:
        """End all environments."""
        await asyncio.gather(*(environment.stop() for environment in list(self._environments)))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Environments whose start was interrupted by the cancelling above.
        await asyncio.gather(*(environment.stop() for environment in list(self._environments)))

    # ---- the pool

    async def _environment(self) -> ExecutionEnvironment:
        """Return a free environment: the last used one, a new one, or the first that becomes free.

        An environment that has just answered gets SETTLE_SECONDS to poll for its next invocation.
        Otherwise a
        second environment would start for a sequential client: here, a client's next request can
        arrive before
        the runtime's next poll. On AWS the network delay hides this.

        Raises:
            InitError: A new environment failed to start.
        """
        loop = asyncio.get_running_loop()
        settled_by = loop.time() + limits.SETTLE_SECONDS
        while True:
            for environment in reversed(self._environments):
                if environment.free:
                    self._environments.remove(environment)
                    self._environments.append(environment)
                    return environment
            patience = settled_by - loop.time()
            if patience > 0 and any(environment.settling for environment in self._environments):
                await self._wait_for_change(patience)
                continue
            # There is only one environment until it is known whether it listens on a port.
            most = self.concurrency if self._knows_ports else 1
            if sum(not environment.stale for environment in self._environments) < most:
                await self._start()
                continue
            await self._wait_for_change(None)

    async def _wait_for_change(self, seconds: float | None) -> None:
        """Wait until something has changed, or until the timeout."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        try:
            async with asyncio.timeout(seconds):
                await change
        except TimeoutError:
            pass
        finally:
            if change in self._waiting:
                self._waiting.remove(change)

    async def _start(self) -> None:
        """Start an environment in the time that Lambda allows. Raises InitError."""
        if self.config.snap_start or self.config.managed_concurrency is not None:
            await self._start_within(max(limits.SNAPSHOT_INIT_SECONDS, self.config.timeout))
            return
        try:
            await self._start_within(self.host.limit(limits.INIT_SECONDS))
        except InitError as failure:
            if failure.error.kind != "Sandbox.Timedout":
                raise
            self.console.note(
                f"{self.config.name} was not ready after {limits.INIT_SECONDS:g} s: Lambda then "
                "starts it again, within "
                f"the function's timeout of {self.config.timeout} s"
            )
            await self._start_within(self.config.timeout)

    async def _start_within(self, seconds: float) -> None:
        environment = ExecutionEnvironment(
            self.config, self.launch, self.host, on_change=self._changed
        )
        self._environments.append(environment)
        how_long = "no time limit" if self.host.debug else f"{seconds:g} s"
        slow = asyncio.get_running_loop().call_later(
            limits.SILENCE_SECONDS,
            self.console.note,
            f"{self.config.name} is starting; it has {how_long}",
        )
        try:
            await environment.start(seconds)
        finally:
            slow.cancel()
        self._look_for_ports(environment)

    def _look_for_ports(self, environment: ExecutionEnvironment) -> None:
        """Limit a function that listens on a port to one environment, because two would need the
        same port.

        On AWS each environment has a network of its own.
        """
        if not self._knows_ports:
            self._knows_ports = True
            if ports := environment.listening_ports():
                self.concurrency = 1
                self.console.note(
                    f"{self.config.name} listens on port {ports[0]}: one process at a time, since "
                    "all share this "
                    "machine's network (--concurrency N for more)"
                )

    def _changed(self) -> None:
        for environment in [
            e for e in self._environments if e.stale and not e.running and not e.ended
        ]:
            task = asyncio.ensure_future(environment.stop())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._environments = [
            environment for environment in self._environments if not environment.ended
        ]
        self._wake()

    def _wake(self) -> None:
        """Let one waiting invocation look for an environment again."""
        while self._waiting:
            change = self._waiting.popleft()
            if not change.done():
                change.set_result(None)
                return
