"""Describe a failure to Lambda. Pure."""

import json
from typing import Any, NamedTuple, Self

from lambda_asgi._describe import text_of, traceback_of
from lambda_asgi.errors import error_type_of

LARGEST = 256 * 1024
"""Bytes of a report as JSON. Managed Instances accept 1 MiB, more than anyone reads."""


class ErrorReport(NamedTuple):
    """A failed invocation or initialization, as reported to Lambda.

    `error_type` has the form `Runtime.CamelCase`; Lambda replaces any other form by
    `Runtime.Unknown`. The other fields are for people: `name` is the exception's class, and
    `stack_trace` has one string for each line.
    """

    error_type: str
    name: str
    message: str
    stack_trace: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return the report of an exception.

        Our own exceptions have an error type. All others are the app's: `Runtime.UserException`.
        """
        return cls(
            error_type_of(error),
            type(error).__name__,
            text_of(error),
            tuple(line.rstrip() for line in traceback_of(error)),
        )

    def as_json(self, at_most: int = LARGEST) -> bytes:
        """Return the report as the JSON that Lambda expects, in at most `at_most` bytes.

        If it is too long, the outermost frames of the stack and the end of the message are removed.
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
    """Return `text`, cut so that it takes at most `at_most` bytes as JSON."""
    while len(json.dumps(text)) > at_most:
        text = text[: len(text) * 3 // 4]
    return text
