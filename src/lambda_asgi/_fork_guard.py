"""What a child process that the app forks must not share with this process.

A forked child has copies of everything. On the connections to the Runtime API it would answer the
parent's invocations. From the event loop's descriptors it would take the parent's events. By the
signal handlers, a SIGTERM for the child would end the parent. A child needs none of these, so it
loses them.

A child that starts another program (subprocess) has none of them anyway.
"""

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

from lambda_asgi.errors import ConnectionToRuntimeAPILost

_connections: "WeakKeyDictionary[Any, Callable[[Any], Iterable[int]]]" = WeakKeyDictionary()
_selectors: "WeakSet[Any]" = WeakSet()
_signal_handlers: dict[int, Any] = {}
_is_child = False
_forking = threading.local()


def guard_connection(connection: Any, descriptors: Callable[[Any], Iterable[int]]) -> None:
    """Take `descriptors` from children, as long as `connection` exists."""
    _connections[connection] = descriptors


def guard_event_loop(loop: Any) -> None:
    """Give children a selector of their own.

    Otherwise both processes would change the same one in the kernel.
    """
    selector = getattr(loop, "_selector", None)  # private; only asyncio's loops have it
    if selector is not None and hasattr(selector, "fileno"):
        _selectors.add(selector)


def guard_signal(number: int, handler: Any) -> None:
    """Restore in children `handler`, which was set before ours."""
    _signal_handlers[number] = handler


def is_child() -> bool:
    """Return whether this process was forked from one that runs the runtime."""
    return _is_child


def refuse_in_child() -> None:
    """Raise ConnectionToRuntimeAPILost in a forked child, which has no invocation of its own."""
    if _is_child:
        raise ConnectionToRuntimeAPILost("a forked child does not speak to the Runtime API")


def leave_child(error: BaseException | None) -> NoReturn:
    """End a child whose code would return into the runtime, with the exit code of `error`."""
    code = 0 if error is None else 1
    with suppress(Exception):  # a stream that the app has closed
        if isinstance(error, SystemExit):
            if error.code is None or isinstance(error.code, int):
                code = error.code or 0
            else:
                print(error.code, file=sys.stderr)
        elif error is not None:
            traceback.print_exception(error)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code & 0xFF)


def _before() -> None:
    # A signal for the child must not arrive before the child has its own handlers. It would wake
    # the parent's event loop.
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _signal_handlers)


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _in_child() -> None:
    global _is_child
    if _connections or _selectors:
        _is_child = True
        _give_up_handlers()
        _give_up_descriptors()
    try:
        # a signal that has arrived is handled here
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)
    except BaseException as error:  # a handler of the app exits; Python would ignore that here
        leave_child(error)


def _give_up_handlers() -> None:
    with suppress(ValueError, OSError):  # ValueError: not the main thread
        if _signal_handlers:
            signal.set_wakeup_fd(-1)
        for number, handler in _signal_handlers.items():
            signal.signal(number, handler)


def _give_up_descriptors() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for connection, descriptors in list(_connections.items()):
        for descriptor in descriptors(connection):
            _replace(descriptor, nothing)
    os.close(nothing)
    for selector in list(_selectors):
        # ValueError: the selector is closed. AttributeError: not on Linux.
        with suppress(OSError, ValueError, AttributeError), select.epoll() as empty:
            _replace(selector.fileno(), empty.fileno())


def _replace(descriptor: int, by: int) -> None:
    with suppress(OSError):
        os.dup2(by, descriptor, inheritable=False)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
