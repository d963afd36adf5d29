"""Waiting for a reply of the Runtime API."""

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import Any, TypeVar

from lambda_asgi._runtime_api.protocol import Reply
from lambda_asgi.errors import ConnectionToRuntimeAPILost

T = TypeVar("T")


class PromptFuture(asyncio.Future[T]):
    """A future whose waiters resume inside `arrive`, not one iteration of the event loop later.

    With two replies for each invocation, these iterations took a tenth of its CPU time. `arrive` is
    for the event loop's own callbacks: a task that called it would run another task inside itself.
    """

    _waiting: tuple[tuple[Callable[[Any], object], Context], ...] = ()

    def arrive(self, result: T) -> None:
        waiting, self._waiting = self._waiting, ()
        self.set_result(result)
        for callback, context in waiting:
            context.run(callback, self)

    def add_done_callback(
        self, callback: Callable[[Any], object], /, *, context: Context | None = None
    ) -> None:
        if self.done():
            super().add_done_callback(callback, context=context)
        else:
            self._waiting += ((callback, copy_context() if context is None else context),)

    # A task may cause any other end of the wait. Then waiters resume in the next iteration, as
    # usual.

    def set_exception(self, error: type[BaseException] | BaseException, /) -> None:
        self._wait_as_usual()
        super().set_exception(error)

    def cancel(self, msg: object = None) -> bool:
        self._wait_as_usual()
        return super().cancel(msg)

    def remove_done_callback(self, callback: Callable[[Any], object], /) -> int:
        self._wait_as_usual()
        return super().remove_done_callback(callback)

    def _wait_as_usual(self) -> None:
        waiting, self._waiting = self._waiting, ()
        for callback, context in waiting:
            super().add_done_callback(callback, context=context)


class PendingReply:
    """A reply to come. Await it, or let it call back: that takes a fifth of the instructions."""

    __slots__ = ("_callback", "error", "is_done", "reply")

    def __init__(self) -> None:
        self.is_done = False
        self.reply: Reply | None = None
        self.error: ConnectionToRuntimeAPILost | None = None
        self._callback: Callable[[PendingReply], None] | None = None

    def when_done(self, callback: "Callable[[PendingReply], None]") -> None:
        """Call `callback` when the reply has arrived, or when it cannot arrive any more.

        There is one callback. A later one replaces it.
        """
        self._callback = callback
        if self.is_done:
            self._done()

    def arrive(self, reply: Reply) -> None:
        self.reply = reply
        self._done()

    def fail(self, error: ConnectionToRuntimeAPILost) -> None:
        self.error = error
        self._done()

    def _done(self) -> None:
        self.is_done = True
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self)

    def result(self) -> Reply:
        """Return the reply that has arrived. Raises ConnectionToRuntimeAPILost if it cannot."""
        if self.error is not None:
            raise self.error
        assert self.reply is not None, "it is done"
        return self.reply

    def __await__(self) -> Generator[Any, None, Reply]:
        if not self.is_done:
            future: PromptFuture[Reply] = PromptFuture(loop=asyncio.get_running_loop())

            def done(_: PendingReply) -> None:
                if future.done():  # the task that waited was cancelled
                    return
                if self.error is None:
                    future.arrive(self.result())
                else:  # maybe inside another task
                    future.set_exception(self.error)

            self.when_done(done)
            return (yield from future)
        return self.result()
