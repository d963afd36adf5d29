"""How a run ends: the wait for an app, and what its client and the log get of an error."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lambda_asgi._error_report import ErrorReport
from lambda_asgi._response import Response, State
from lambda_asgi.errors import (
    ClientDisconnected,
    DeadlineExceeded,
    EventLoopBlocked,
    LambdaASGIError,
)

if TYPE_CHECKING:
    from lambda_asgi._cycle import ResponseWriter


class Wait:
    """The wait for the end of an app's `task`. `cut` is called if the app does not end in time."""

    def __init__(
        self,
        task: "asyncio.Task[None]",
        loop: asyncio.AbstractEventLoop,
        cut: Callable[[], None],
    ) -> None:
        self._task = task
        self._loop = loop
        self._cut = cut
        self._over: asyncio.Future[None] = loop.create_future()
        self._timers: list[asyncio.TimerHandle] = []
        task.add_done_callback(self._end)

    @property
    def is_over(self) -> bool:
        """Whether the task has ended or is given up."""
        return self._over.done()

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call a function at `when`, by the event loop's clock, unless the wait is over by then."""
        self._timers.append(self._loop.call_at(when, call, *arguments))

    def wind_up(self, ends_at: float, margin: float) -> None:
        """Cut the app when half of the `margin` before `ends_at` is left; give it up at a quarter.

        `ends_at` is a time of the event loop's clock, and `margin` is in seconds.
        """
        self.at(ends_at - margin / 2, self._cut)
        self.at(ends_at - margin / 4, self._end, self._task)

    async def over(self, grace: float) -> None:
        """Wait until the task has ended or is given up.

        If this is cancelled, the environment ends: the app has `grace` seconds to clean up.
        """
        try:
            await self._over
        except asyncio.CancelledError:  # the app cleans up before the lifespan does
            self._task.cancel()
            await asyncio.wait([self._task], timeout=grace)
            raise
        finally:
            for timer in self._timers:
                timer.cancel()
            self._task.cancel()

    def _end(self, task: "asyncio.Task[None]") -> None:
        if not self._over.done():
            self._over.set_result(None)


def ending_of(error: BaseException, response: Response, begun: bool) -> str:
    """Return the log's word for the ending. `begun`: a part of the response was streamed."""
    match error:
        case ClientDisconnected():
            return "disconnected"
        case EventLoopBlocked():
            return "blocked"
        case DeadlineExceeded():
            return "deadline"
    if response.state is State.COMPLETE:
        # A framework that has sent its 500 raises the error again, so that servers log it.
        return "error" if response.status >= 500 else "background-error"
    return "broken" if begun else "error"


async def send_error(
    response: Response, writer: "ResponseWriter | None", error: BaseException
) -> None:
    """End a response because of `error`. Without a writer, `response` collects what is shown."""
    report = ErrorReport.of(error)
    parts = response.fail(*shown_to_client(error), report.error_type)
    if writer is None or response.state is not State.FAILED:
        return
    with suppress(ClientDisconnected):
        if writer.begun:  # without waiting: a client that does not read must not delay the end
            writer.stream_now(parts)
            writer.fail(report)
        else:
            waiting = writer.stream(parts, True)
            if waiting is not None:
                await waiting


def shown_to_client(error: BaseException) -> tuple[int, str]:
    """Return the status and text of the response to `error`.

    Clients do not see what an app raised.
    """
    if isinstance(error, LambdaASGIError):
        return error.status, error.shown
    return 500, "Internal Server Error"
