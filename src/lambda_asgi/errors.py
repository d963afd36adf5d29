"""Every exception of this package, and what causes each.

    LambdaASGIError
    ├── ConfigurationError        yours: a setting or the handler is wrong
    │   └── AppImportError        the module or the name in _HANDLER cannot be imported
    ├── StartupFailed             the app's: lifespan startup failed
    ├── BeforeSnapshotError       the app's: a SnapStart hook raised; the exit code is 64
    ├── AfterRestoreError         the app's: a SnapStart hook raised; the exit code is 65
    ├── EventError                the caller's: an HTTP event that cannot be understood
    │   └── EventPathForbidden    ... or an HTTP request to the path for non-HTTP events
    ├── UnexpectedMessage         the app's: an ASGI message out of order, malformed or missing
    ├── EventNotHandled           the app's: a non-HTTP event got another status than 2xx
    ├── AppCancelled              the app's: it cancelled its own task
    ├── HeadersTooLarge           the app's: more headers and cookies than event sources read
    ├── ResponseTooLarge          the app's: more bytes than Lambda passes on
    ├── DeadlineExceeded          the app's: it did not end in time
    │   └── EventLoopBlocked      ... because it blocked the event loop
    ├── DurationExceeded          the app's: its response took longer than the route allows
    └── RuntimeAPIError           the platform's
        ├── ResponseRefused       400, 403, 410 or 413: only this invocation is lost
        └── ConnectionToRuntimeAPILost   500, or no connection: the process must exit

    ClientDisconnected (OSError)  raised by `send` when the client has left; an app may ignore it
                                  (ASGI spec_version 2.4)

Each class has two attributes. `error_type` is a word of the form `Runtime.CamelCase`, which Lambda
keeps; it replaces any other form by `Runtime.Unknown`. `status` is the HTTP status of the response
that replaces one that never began.
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
    """Base class of this package's exceptions."""

    error_type = "Runtime.Unknown"
    status = 500

    @property
    def shown(self) -> str:
        """What the client reads in a response that reports this error."""
        return "Internal Server Error" if self.status == 500 else str(self)


class ConfigurationError(LambdaASGIError):
    """A setting is missing or wrong. The message names it and says what to set."""

    error_type = "Runtime.InvalidConfiguration"


class AppImportError(ConfigurationError):
    """The app that `_HANDLER` names cannot be imported.

    `__cause__` is the exception of the import, if any.
    """

    error_type = "Runtime.ImportModuleError"


class StartupFailed(LambdaASGIError):
    """The app sent `lifespan.startup.failed`, or raised during its startup."""

    error_type = "Runtime.StartupFailed"


class BeforeSnapshotError(LambdaASGIError):
    """A hook before the snapshot raised `__cause__`."""

    error_type = "Runtime.BeforeSnapshotError"


class AfterRestoreError(LambdaASGIError):
    """A hook after the restore raised `__cause__`."""

    error_type = "Runtime.AfterRestoreError"


class EventError(LambdaASGIError):
    """An HTTP event has a part that cannot be understood. The message names the part."""

    error_type = "Runtime.InvalidEvent"
    status = 400


class EventPathForbidden(EventError):
    """An HTTP request to the path for non-HTTP events. Its sender could forge any event."""

    error_type = "Runtime.EventPathForbidden"
    status = 404

    @property
    def shown(self) -> str:
        return "Not Found"


class UnexpectedMessage(LambdaASGIError):
    """The app broke the ASGI protocol.

    It sent a message that is not allowed now, or returned before its response was complete.
    """

    error_type = "Runtime.UnexpectedMessage"


class EventNotHandled(LambdaASGIError):
    """The app responded to a non-HTTP event with another status than 2xx.

    The invocation fails, because Lambda deletes an SQS message and forgets an asynchronous event as
    soon as the function succeeds. A missing route (404) or a redirect must not lose them.
    """

    error_type = "Runtime.EventNotHandled"


class AppCancelled(LambdaASGIError):
    """The app ended with a CancelledError that nobody else requested."""

    error_type = "Runtime.AppCancelled"


class HeadersTooLarge(LambdaASGIError):
    """Status, headers and cookies exceed the 16 KiB in which event sources look for them."""

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
    """The response took longer than the limit that the app has set."""

    error_type = "Runtime.DurationExceeded"


class EventLoopBlocked(DeadlineExceeded):
    """The deadline passed while the app blocked the event loop.

    So nothing could stop the app in time.
    """


class RuntimeAPIError(LambdaASGIError):
    """The Runtime API did not behave as documented."""

    error_type = "Runtime.RuntimeAPIError"


class ResponseRefused(RuntimeAPIError):
    """The Runtime API refused the response to this invocation.

    `status` is 400 (unknown or answered id), 403 (wrong order), 410 (too late) or 413 (too large).
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ConnectionToRuntimeAPILost(RuntimeAPIError):
    """The connection broke, the reply is not HTTP, or its status is 500. The process must exit."""


class ClientDisconnected(OSError):
    """The response cannot be sent any more: the client has left, or the deadline has passed."""


def error_type_of(error: BaseException) -> str:
    """Return the `Runtime.CamelCase` word of an exception.

    Exceptions of other packages are the app's: `Runtime.UserException`.
    """
    return error.error_type if isinstance(error, LambdaASGIError) else "Runtime.UserException"
