"""A revision and its pool of environments: which one gets a request, when one starts or ends."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import Launch
from lambda_emulator.web.config import RevisionConfig
from lambda_emulator.web.environment import StartFailed, WebEnvironment

__all__ = ["Revision", "Throttled"]


class Throttled(Exception):
    """All of the endpoint's environments are full: 429."""


class Revision:
    """Gives each request a place: in a running environment, in a new one, or in the first with
    room.

    Args:
        processes: The most environments on this machine. More requests wait.
        idle_seconds: How long an environment lives without a request. None is for ever.
    """

    def __init__(
        self,
        config: RevisionConfig,
        launch: Launch,
        host: Host,
        *,
        processes: int,
        idle_seconds: float | None,
    ) -> None:
        self.config = config
        self.launch = launch
        self.host = host
        self.processes = processes
        self.idle_seconds = idle_seconds
        self._environments: list[WebEnvironment] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def place(self, max_environments: int | None) -> AsyncIterator[WebEnvironment]:
        """Reserve room for one request in an environment while the block runs.

        Raises:
            Throttled: The endpoint's `max_environments` are full.
            StartFailed: A new environment failed to start.
        """
        environment = await self._with_room(max_environments)
        environment.requests += 1
        try:
            yield environment
        finally:
            environment.requests -= 1
            environment.cold = False
            environment.idle_since = time.monotonic()
            if environment.stale and not environment.requests:
                self._end(environment)
            self._wake()

    async def warm_up(self) -> None:
        """Start an environment before the first request.

        A revision that failed still takes requests, as documented.

        Raises:
            StartFailed: It did not start. The caller reports it.
        """
        await self._with_room(None, is_reported=False)

    async def replace(self) -> None:
        """Use new code. Idle environments end now, the others after their requests."""
        for environment in list(self._environments):
            environment.stale = True
            if not environment.requests:
                self._end(environment)

    async def stop(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(
            *(environment.stop() for environment in self._environments), *self._ending
        )

    # ---- private

    async def _with_room(
        self, max_environments: int | None, *, is_reported: bool = True
    ) -> WebEnvironment:
        """Return an environment with room. `is_reported`: print a failed start once for all who
        wait for it.
        """
        while True:
            for environment in self._environments:
                if environment.has_room:
                    return environment
            if len(self._waiting) >= len(self._starting) * self.config.concurrency:
                running = len(self._starting) + sum(
                    not environment.stale for environment in self._environments
                )
                if max_environments is not None and running >= max_environments <= self.processes:
                    raise Throttled
                if running < self.processes:
                    self._start(is_reported)
            await self._wait_for_room()

    def _start(self, is_reported: bool) -> None:
        environment = WebEnvironment(self.config, self.launch, self.host, on_exit=self._exited)
        task = asyncio.create_task(self._start_one(environment, is_reported))
        self._starting.add(task)
        if self.idle_seconds is not None and self._reaper is None:
            self._reaper = asyncio.create_task(self._reap(self.idle_seconds))

    async def _start_one(self, environment: WebEnvironment, is_reported: bool) -> None:
        this = asyncio.current_task()
        assert this is not None
        failure: StartFailed | None = None
        try:
            await environment.start()
            self._environments.append(environment)
        except StartFailed as error:
            failure = error
            if is_reported:
                self.host.console.error(f"{self.config.name} did not start: {error}")
        finally:
            self._starting.discard(this)
            waiting = self._waiting
            self._waiting = deque()
            for waiter in waiting:
                if waiter.done():
                    continue
                if failure is not None:
                    waiter.set_exception(failure)
                else:
                    waiter.set_result(None)

    async def _wait_for_room(self) -> None:
        """Wait until an environment may have room.

        Raises:
            StartFailed: An environment was started for this, and failed.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _exited(self, environment: WebEnvironment) -> None:
        self._end(environment)
        self._wake()

    def _end(self, environment: WebEnvironment) -> None:
        if environment in self._environments:
            self._environments.remove(environment)
        task = asyncio.create_task(environment.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _reap(self, seconds: float) -> None:
        """End environments that nobody needs, down to none."""
        while True:
            now = time.monotonic()
            for environment in list(self._environments):
                if not environment.requests and now - environment.idle_since >= seconds:
                    message = f"an environment was idle for {seconds:g} s and ends"
                    self.host.console.note(f"{self.config.name}: {message}")
                    self._end(environment)
            wait = seconds
            for environment in self._environments:
                if not environment.requests:
                    wait = min(wait, environment.idle_since + seconds - now)
            await asyncio.sleep(max(0.01, wait))
