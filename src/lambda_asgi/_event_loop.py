"""An event loop that ends only when its main task ends.

`sys.exit()` in any task or callback stops asyncio's loop at once, and so does an error in an
exception handler. Middleware of frameworks runs endpoints in tasks of its own, so an exit in an app
would otherwise end the execution environment without a response.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from lambda_asgi._fork_guard import guard_event_loop
from lambda_asgi._logging import logger

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` as `asyncio.run` does. Nothing but `main` ends it."""
    runner = asyncio.Runner()
    loop = runner.get_loop()
    guard_event_loop(loop)
    asyncio.set_event_loop(loop)
    try:
        return run_until_complete(loop, loop.create_task(main))
    finally:
        with suppress(BaseException):  # Tasks that are cancelled at the end may raise anything.
            runner.close()


def run_until_complete(
    loop: asyncio.AbstractEventLoop, task: "asyncio.Task[T]", *, interruptible: bool = False
) -> T:
    """Return the result of `task`, whatever other tasks and callbacks raise out of the loop.

    Args:
        interruptible: An exception from a signal handler ends the wait, unless it is an exit.
    """

    def stop(_: object) -> None:
        loop.stop()

    task.add_done_callback(stop)
    try:
        while not task.done():
            try:
                # The loop's own run_until_complete has the task in a variable. The task's exception
                # refers to that frame, so the two would keep each other, and the app's memory.
                loop.run_forever()
                if not task.done():
                    log_ignored(RuntimeError("the event loop was stopped"))
            except BaseException as error:
                if task.done():
                    break
                if loop.is_closed() or (interruptible and not _is_of_app(error)):
                    raise
                log_ignored(error)
        return task.result()
    finally:
        task.remove_done_callback(stop)
        del task  # as above


def _is_of_app(error: BaseException) -> bool:
    """Return whether a task or a callback stopped the loop by an exit.

    Of all other errors, asyncio passes only KeyboardInterrupt on.
    """
    return isinstance(error, SystemExit)


def log_ignored(error: BaseException) -> None:
    """Log that what stopped the loop does not end the environment."""
    logger.error("ignored, from a task or a callback of the app's: %r", error, exc_info=error)
