"""Everything that this package raises, and whose fault each is.

    LambdaASGIError
    ├── ConfigurationError        yours: a setting or the handler is wrong; the environment does not start
    │   └── AppImportError        the module or the name in _HANDLER cannot be imported
    ├── StartupFailed             the app's: lifespan startup failed
    ├── BeforeSnapshotError       the app's: a SnapStart hook raised; the process ends with exit code 64
    ├── AfterRestoreError         the app's: a SnapStart hook raised; the process ends with exit code 65
    ├── EventError                the caller's: it has the shape of an HTTP event, yet cannot be served
    │   └── EventPathForbidden    ... because it is an HTTP request to the path for non-HTTP events
    ├── UnexpectedMessage         the app's: an ASGI message out of order, malformed, or missing
    ├── EventNotHandled           the app's: an event that is no HTTP request was answered with another status than 2xx
    ├── AppCancelled              the app's: it cancelled the task that it runs in
    ├── HeadersTooLarge           the app's: more headers and cookies than event sources read
    ├── ResponseTooLarge          the app's: more bytes than Lambda passes on
    ├── DeadlineExceeded          the app's: it did not end in time
    │   └── EventLoopBlocked      ... because it blocked the event loop
    ├── DurationExceeded          the app's: its response took longer than the route allows
    └── RuntimeAPIError           the platform's
        ├── ResponseRefused       this invocation is lost, the next one may be asked for (400, 403, 410, 413)
        └── ConnectionToRuntimeAPILost   (500, or no connection): the environment is over, exit at once

    ClientDisconnected (OSError)  what `send` raises when nobody reads any more; an app may ignore it, as the ASGI spec
                                  says (spec_version 2.4)

Each has `error_type`, the `Runtime.CamelCase` word that Lambda keeps of an error (it turns any other form into
`Runtime.Unknown`), and `status`, the HTTP status of the response that stands in for one that never began.
"""

__all__ = [
    "AfterRestoreError",
    "AppCancelled",
    "AppImportError",
    "BeforeSnapshotError",
    "ClientDisconnected",
    "ConfigurationError",
    "ConnectionToRuntimeAPILost",
    "DeadlineExceeded",
    "DurationExceeded",
    "EventError",
    "EventLoopBlocked",
    "EventNotHandled",
    "EventPathForbidden",
    "HeadersTooLarge",
    "LambdaASGIError",
    "ResponseRefused",
    "ResponseTooLarge",
    "RuntimeAPIError",
    "StartupFailed",
    "UnexpectedMessage",
]


class LambdaASGIError(Exception):
    """The root of the tree."""

    error_type = "Runtime.Unknown"
    status = 500

    @property
    def shown(self) -> str:
        """What the client reads in a response that stands for this error."""
        return "Internal Server Error" if self.status == 500 else str(self)


class ConfigurationError(LambdaASGIError):
    """A setting is missing or wrong. The message says which, and what to set."""

    error_type = "Runtime.InvalidConfiguration"


class AppImportError(ConfigurationError):
    """The app that `_HANDLER` names cannot be imported. `__cause__` is what the import raised, if it ran."""

    error_type = "Runtime.ImportModuleError"


class StartupFailed(LambdaASGIError):
    """The app answered `lifespan.startup.failed`, or raised after it had answered to the lifespan."""

    error_type = "Runtime.StartupFailed"


class BeforeSnapshotError(LambdaASGIError):
    """A hook that was to run before the snapshot raised; `__cause__` is what."""

    error_type = "Runtime.BeforeSnapshotError"


class AfterRestoreError(LambdaASGIError):
    """A hook that was to run after the restore raised; `__cause__` is what."""

    error_type = "Runtime.AfterRestoreError"


class EventError(LambdaASGIError):
    """The event has the shape of an HTTP event, but a part of it cannot be understood. The message says which."""

    error_type = "Runtime.InvalidEvent"
    status = 400


class EventPathForbidden(EventError):
    """An HTTP request would reach the route for non-HTTP events, and its sender could make up any event."""

    error_type = "Runtime.EventPathForbidden"
    status = 404

    @property
    def shown(self) -> str:
        return "Not Found"


class UnexpectedMessage(LambdaASGIError):
    """The app sent a message that ASGI does not allow now, or returned without a complete response."""

    error_type = "Runtime.UnexpectedMessage"


class EventNotHandled(LambdaASGIError):
    """The app answered an event that is no HTTP request with another status than 2xx.

    The invocation has to fail then: Lambda deletes an SQS message, and forgets an asynchronous event, as soon as the
    function succeeds. A missing route (404) or a redirect must not lose them.
    """

    error_type = "Runtime.EventNotHandled"


class AppCancelled(LambdaASGIError):
    """The app ended with a CancelledError that nobody but itself had asked for."""

    error_type = "Runtime.AppCancelled"


class HeadersTooLarge(LambdaASGIError):
    """Status, headers and cookies are more than the 16 KiB in which event sources look for them."""

    error_type = "Runtime.HeadersTooLarge"


class ResponseTooLarge(LambdaASGIError):
    """The response has more bytes than Lambda passes on (200 MiB streamed, 6 MiB buffered)."""

    error_type = "Runtime.ResponseTooLarge"
    status = 413


class DeadlineExceeded(LambdaASGIError):
    """The function's timeout is near, and the app has not ended."""

    error_type = "Runtime.DeadlineExceeded"
    status = 504


class DurationExceeded(LambdaASGIError):
    """The response took longer than the limit that the app has set for itself."""

    error_type = "Runtime.DurationExceeded"


class EventLoopBlocked(DeadlineExceeded):
    """The same, and the app did not let the event loop run: nothing could tell it, or stop it, in time."""


class RuntimeAPIError(LambdaASGIError):
    """The Runtime API answered otherwise than agreed."""

    error_type = "Runtime.RuntimeAPIError"


class ResponseRefused(RuntimeAPIError):
    """The Runtime API did not take what was sent for this invocation.

    `status` is 400 (unknown or answered id), 403 (out of order), 410 (too late) or 413 (too large).
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ConnectionToRuntimeAPILost(RuntimeAPIError):
    """No connection, a broken one, an answer that is not HTTP, or status 500: the process has to end."""


class ClientDisconnected(OSError):
    """Nobody reads this response any more: the peer is gone, or the deadline has passed."""


def error_type_of(error: BaseException) -> str:
    """The `Runtime.CamelCase` word for an exception: our own know theirs, the others are the app's."""
    return error.error_type if isinstance(error, LambdaASGIError) else "Runtime.UserException"
