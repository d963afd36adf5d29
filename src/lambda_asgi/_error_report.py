"""What Lambda is told of a failure. Pure."""

import json
from typing import Any, NamedTuple, Self

from lambda_asgi._describe import text_of, traceback_of
from lambda_asgi.errors import error_type_of

LARGEST = 256 * 1024
"""Bytes of a report as JSON. Managed Instances take 1 MiB; nobody reads as much."""


class ErrorReport(NamedTuple):
    """A failed invocation or initialization, as Lambda is told of it.

    `error_type` has the form `Runtime.CamelCase`: Lambda turns any other into `Runtime.Unknown`. `name` (the
    exception's class), `message` and `stack_trace` (a line each) are for people.
    """

    error_type: str
    name: str
    message: str
    stack_trace: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Build a report from an exception. Our own exceptions know their type; all others count as the app's."""
        return cls(
            error_type_of(error),
            type(error).__name__,
            text_of(error),
            tuple(line.rstrip() for line in traceback_of(error)),
        )

    def as_json(self, at_most: int = LARGEST) -> bytes:
        """The report as the JSON that Lambda expects, at most `at_most` bytes long.

        If it is too long, the stack loses its outermost frames and the message its end.
        """
        fields: dict[str, Any] = {
            "errorMessage": _clipped(self.message, at_most // 2),
            "errorType": _clipped(self.name, at_most // 8),
            "stackTrace": [],
        }
        left = at_most - len(json.dumps(fields))
        for frame in reversed(self.stack_trace):
            frame = _clipped(frame, at_most // 8)
            left -= len(json.dumps(frame)) + len(", ")
            if left < 0:
                break
            fields["stackTrace"].insert(0, frame)
        return json.dumps(fields).encode()


def _clipped(text: str, at_most: int) -> str:
    """`text`, without its end if it takes more than `at_most` bytes as JSON."""
    while len(json.dumps(text)) > at_most:
        text = text[: len(text) * 3 // 4]
    return text
