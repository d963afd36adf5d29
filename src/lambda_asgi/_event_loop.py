"""An event loop that ends with its main task, and not before.

`sys.exit()` in any task or callback leaves asyncio's loop at once, with the exit code of whoever called it, and so does
an error in an exception handler. A framework's middleware runs endpoints in tasks of its own, so that an app's exit
would be the environment's, without an answer.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from lambda_asgi._fork_guard import guard_event_loop
from lambda_asgi._logging import logger

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run(main)`, for a `main` that only itself can end."""
    runner = asyncio.Runner()
    loop = runner.get_loop()
    guard_event_loop(loop)
    asyncio.set_event_loop(loop)
    try:
        return run_until_complete(loop, loop.create_task(main))
    finally:
        with suppress(
            BaseException
        ):  # tasks that are left raise what they like when they are cancelled
            runner.close()


def run_until_complete(
    loop: asyncio.AbstractEventLoop, task: "asyncio.Task[T]", *, interruptible: bool = False
) -> T:
    """The result of `task`, whatever other tasks and callbacks raise out of the loop.

    `interruptible`: what a signal handler raises ends the wait, unless it is an exit.
    """
    while True:
        try:
            return loop.run_until_complete(task)
        except BaseException as error:
            if task.done():
                return task.result()
            if loop.is_closed() or (interruptible and not _is_of_app(error)):
                raise
            log_ignored(error)


def _is_of_app(error: BaseException) -> bool:
    """Whether a task or a callback made the loop raise it: by an exit, or by `loop.stop()`.

    Of all other errors, asyncio lets only KeyboardInterrupt through.
    """
    return isinstance(error, SystemExit) or type(error) is RuntimeError


def log_ignored(error: BaseException) -> None:
    """Say that what left the loop does not end the environment."""
    logger.error("ignored, from a task or a callback of the app's: %r", error, exc_info=error)
