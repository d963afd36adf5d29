"""Our place in Lambda's own loop, awslambdaric. No other module knows how it is built.

All four known versions (2.0, 2.2, 3.1 and 4.2; their source is at
https://github.com/aws/aws-lambda-python-runtime-interface-client) have these parts. The first two
are in the module `awslambdaric.lambda_runtime_client`, the third in `awslambdaric.bootstrap`:

- A native client, `runtime_client`. The loop looks it up for each call of `next()`,
  `post_invocation_result(id, ...)` and `post_error(id, ...)`.
- A class whose `wait_next_invocation` runs before each invocation, first at the end of the
  initialization.
- A function `log_error`, which prints what a handler has raised. The log already has the app's
  errors, so it prints nothing for these.

This module replaces the native client by a proxy. Everything that other packages wrap (handlers,
`handle_event_request`, methods of the client's class, which Sentry copies) is above it and keeps
working. This module never imports awslambdaric. Where Lambda's loop runs, it is in `sys.modules`.
"""

import functools
import json
import sys
import traceback
import weakref
from collections.abc import Callable
from typing import Any

from lambda_asgi._logging import logger

PACKAGE = "awslambdaric"
NATIVE_CALLS = ("next", "post_invocation_result", "post_error")

UNKNOWN = (
    "this version of lambda_asgi does not know awslambdaric %s. "
    "Responses are still streamed, but Lambda's own loop answers each invocation a second time, "
    "which ends its process. Until there is an update, use runtime mode: "
    "AWS_LAMBDA_EXEC_WRAPPER=/var/task/lambda_asgi/bootstrap"
)


class Delivery:
    """One invocation, as the loop received it from the Runtime API.

    `event` is its JSON, or empty if its delivery was not seen. `invocation_id` is the nonce of the
    delivery, if the loop shows it (awslambdaric 4).
    """

    def __init__(
        self, request_id: str, invocation_id: str | None = None, event: bytes = b""
    ) -> None:
        self.request_id = request_id
        self.invocation_id = invocation_id
        self.event = event
        self.answered = False
        """The Runtime API has replied to our response. The loop's post is dropped."""
        self.lost: Exception | None = None
        """The Runtime API did not reply. The loop's post raises this, so that the process ends."""
        self.logged: tuple[str, str] | None = None
        """Type and text of the error that the handler raised and that is already logged."""

    def brought(self, event: Any) -> bool:
        """Whether `event` is from the request that was delivered.

        A function may call its handler with an event that it has made, for example from a queue's
        message. Event sources give each request an id, so it is enough to look for that.
        """
        if not self.event:
            return True
        context = event.get("requestContext")
        identity = context.get("requestId") if isinstance(context, dict) else None
        if isinstance(identity, str) and identity:
            return identity.encode() in self.event
        try:
            return bool(json.loads(self.event) == event)
        except (ValueError, RecursionError):
            return False


Poster = Callable[[Delivery, bytes], bool]
"""Answers instead of the loop, given what the loop would post. False lets the loop post."""


class LambdaLoop:
    """Replaces the loop's native client."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._delivery: Delivery | None = None
        self._before_first_wait: list[weakref.WeakMethod[Callable[[], None]]] = []
        self.raised: BaseException | None = None
        """What the handler raised. The loop keeps it in a reference cycle, with the app's objects.
        """
        self.on_result: Poster | None = None
        self.on_error: Poster | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._native, name)

    # The native client's methods, with the arguments of any version.

    def next(self, *args: Any) -> Any:
        self._delivery = None
        if self.raised is not None:
            # one is the loop's, which has the cycle
            traceback.clear_frames(self.raised.__traceback__)
            self.raised = None
        event, headers = self._native.next(*args)
        self._delivery = Delivery(
            headers.get("Lambda-Runtime-Aws-Request-Id") or "",
            headers.get("Lambda-Runtime-Invocation-Id"),
            _bytes(event),
        )
        return event, headers

    def post_invocation_result(self, request_id: str, result: Any, *args: Any) -> Any:
        if self._is_answered(request_id, result, self.on_result):
            return None
        return self._native.post_invocation_result(request_id, result, *args)

    def post_error(self, request_id: str, error: Any, *args: Any) -> Any:
        if self._is_answered(request_id, error, self.on_error):
            return None
        return self._native.post_error(request_id, error, *args)

    def _is_answered(self, request_id: str, posted: Any, post: Poster | None) -> bool:
        delivery = self._delivery
        if delivery is None or delivery.request_id != request_id:
            return False
        if delivery.lost is not None:
            raise delivery.lost
        return delivery.answered or (post is not None and post(delivery, _bytes(posted)))

    # Called by the handler.

    def delivery_of(self, request_id: str) -> Delivery | None:
        """Return the invocation `request_id`, or None if another one is under way.

        If the handler is imported during the first invocation, that invocation's delivery was not
        seen. It is answered like any other.
        """
        if self._delivery is None and request_id:
            self._delivery = Delivery(request_id)
        delivery = self._delivery
        return delivery if delivery is not None and delivery.request_id == request_id else None

    def before_first_wait(self, method: Callable[[], None]) -> None:
        """Call a method at the end of the initialization, if its object still exists then."""
        self._before_first_wait.append(weakref.WeakMethod(method))

    def has_logged(self, error: Any) -> bool:
        """Return whether the app's task has already logged `error` (the loop's JSON of it)."""
        logged = self._delivery.logged if self._delivery is not None else None
        return logged == (error.get("errorType"), error.get("errorMessage"))

    def start(self) -> None:
        """Called when the loop is about to wait for an invocation."""
        while self._before_first_wait:
            if method := self._before_first_wait.pop(0)():
                method()


class UnknownLoop:
    """An awslambdaric of an unknown shape. It cannot be kept from answering a second time."""

    def __init__(self) -> None:
        self._delivery: Delivery | None = None

    def delivery_of(self, request_id: str) -> Delivery | None:
        if self._delivery is None or self._delivery.request_id != request_id:
            self._delivery = Delivery(request_id)
        return self._delivery


def is_running() -> bool:
    """Return whether Lambda's own loop runs this process."""
    return PACKAGE in sys.modules


def attach() -> LambdaLoop | UnknownLoop | None:
    """Replace the client of the loop that runs this process.

    Returns None if Lambda's own loop does not run it.
    """
    if not is_running():
        return None
    module: Any = sys.modules.get(f"{PACKAGE}.lambda_runtime_client")
    native = getattr(module, "runtime_client", None)
    if isinstance(native, LambdaLoop):
        return native
    members = [] if module is None else vars(module).values()
    clients = [
        member
        for member in members
        if isinstance(member, type) and "wait_next_invocation" in vars(member)
    ]
    if not clients or not all(callable(getattr(native, name, None)) for name in NATIVE_CALLS):
        version = getattr(sys.modules[PACKAGE], "__version__", "(of an unknown version)")
        logger.error(UNKNOWN, version)
        return UnknownLoop()
    loop = LambdaLoop(native)
    for client in clients:
        wait: Any = client.wait_next_invocation  # type: ignore[attr-defined]
        client.wait_next_invocation = _starting(loop, wait)  # type: ignore[attr-defined]
    module.runtime_client = loop
    bootstrap: Any = sys.modules.get(f"{PACKAGE}.bootstrap")
    if callable(log_error := getattr(bootstrap, "log_error", None)):
        bootstrap.log_error = _once(loop, log_error)
    return loop


def _starting(loop: LambdaLoop, wait: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(wait)
    def wait_next_invocation(*args: Any, **kwargs: Any) -> Any:
        loop.start()
        return wait(*args, **kwargs)

    return wait_next_invocation


def _once(loop: LambdaLoop, log: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(log)
    def log_error(error: Any, *args: Any) -> None:
        if not loop.has_logged(error):
            log(error, *args)

    return log_error


def _bytes(data: Any) -> bytes:
    """Return `data` as bytes. Some versions of the native client use str."""
    return data.encode() if isinstance(data, str) else bytes(data)
