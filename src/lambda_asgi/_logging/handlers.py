"""Write log lines to standard output, or as frames to Lambda's telemetry descriptor."""

import logging
import os
import select
import sys
from contextlib import suppress

from lambda_asgi._invocation import Invocation, current_invocation
from lambda_asgi._logging.formatters import JSONFormatter, rounded_level


class ProcessWide:
    """What threads without a context are working for."""

    invocation: Invocation | None = None
    """The only invocation under way in this process. Never set where there may be several."""


# An instance, because each change of a class empties a cache of the interpreter.
process_wide = ProcessWide()


class InvocationFilter(logging.Filter):
    """Gives each record `aws_request_id` ("" outside of invocations) and `tenant_id` (or None).

    Use it with log handlers of your own. A thread that was started without a context (unlike those
    of asyncio.to_thread and Starlette) has no invocation: its records get that of `process_wide`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        invocation = current_invocation.get() or process_wide.invocation
        record.aws_request_id = "" if invocation is None else invocation.request_id
        record.tenant_id = None if invocation is None else invocation.tenant_id
        return True


def _terminated(text: str) -> str:
    """Return the line with a newline at its end, even if the app's formatter adds none."""
    return text if text.endswith("\n") else f"{text}\n"


class LambdaHandler(logging.Handler):
    """Base class of the two log handlers."""

    def write(self, line: str, level: int, created: float) -> None:
        """Write one line, including its end. The caller holds this handler's lock.

        Args:
            line: The line.
            level: The level of its record, as a number of `logging`.
            created: The time of its record, in seconds since the epoch.

        Raises:
            OSError: It cannot be written.
        """
        raise NotImplementedError

    def handleError(self, record: logging.LogRecord) -> None:
        # The app has closed standard error, so the error cannot be reported.
        with suppress(Exception):
            super().handleError(record)


class StdoutHandler(LambdaHandler):
    """Writes each record as one line to standard output.

    Lambda makes an event of each line. So a newline within a record becomes a carriage return,
    which CloudWatch shows as a line break. AWS's runtimes do the same.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = _terminated(self.format(record))
            self.write(line[:-1].replace("\n", "\r") + "\n", record.levelno, record.created)
        except Exception:
            self.handleError(record)

    def write(self, line: str, level: int, created: float) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()


SEVERITY = {  # The level in the type of a frame. 1 would be TRACE, which Python does not have.
    logging.NOTSET: 0,
    logging.DEBUG: 2,
    logging.INFO: 3,
    logging.WARNING: 4,
    logging.ERROR: 5,
    logging.CRITICAL: 6,
}


class FrameHandler(LambdaHandler):
    """Writes each record as one frame to Lambda's telemetry descriptor, so that it stays one event.

    A frame has a type (4 bytes), the length of the message (4), microseconds since the epoch (8)
    and the message; numbers are big-endian. The lowest two bits of the type mean JSON (2) or text
    (3). The next bits are the level, if the frame is `leveled`.
    """

    def __init__(self, fd: int, *, leveled: bool) -> None:
        super().__init__()
        self._fd = fd
        self._leveled = leveled

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(_terminated(self.format(record)), record.levelno, record.created)
        except Exception:
            self.handleError(record)

    def write(self, line: str, level: int, created: float) -> None:
        message = line.encode("utf-8", "backslashreplace")
        severity = SEVERITY[rounded_level(level)] if self._leveled else 0
        kind = 2 if isinstance(self.formatter, JSONFormatter) else 3
        frame_type = 0xA55A0000 | severity << 2 | kind
        microseconds = int(created * 1_000_000)
        head = frame_type.to_bytes(4) + len(message).to_bytes(4) + microseconds.to_bytes(8)
        self._write(head + message)

    def _write(self, frame: bytes) -> None:
        """Write all of it, although a pipe may take less at a time.

        The caller holds this handler's lock.
        """
        written = 0
        while written < len(frame):
            try:
                written += os.write(self._fd, memoryview(frame)[written:])
            except BlockingIOError:
                select.select([], [self._fd], [])
