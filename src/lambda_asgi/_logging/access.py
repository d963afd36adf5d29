"""The access line: one log line for each invocation.

Its cost is part of every invocation. docs/logging.md has a measurement.
"""

import logging
import time
from contextlib import nullcontext
from typing import Any, NamedTuple

from lambda_asgi._invocation import current_invocation
from lambda_asgi._logging.formatters import text_line
from lambda_asgi._logging.handlers import LambdaHandler
from lambda_asgi._logging.loggers import runtime_logger

access_logger = runtime_logger("lambda_asgi.access")

# The client chooses the path, and Lambda accepts events of 6 MB, but CloudWatch cuts long lines.
LONGEST_PATH = 1024


class Access(NamedTuple):
    """The result of one invocation. As text it is the message of its log line.

    `body_bytes` and `chunks` were sent. `status` is None without a response. `first_byte_ms` and
    `duration_ms` count from the arrival of the event; the first is None if no byte was sent.
    `ending` is one word such as "complete", "error" or "deadline". `source` names the event source.
    """

    method: str
    path: str
    status: int | None
    body_bytes: int
    chunks: int
    first_byte_ms: float | None
    duration_ms: float
    ending: str
    source: str

    def __str__(self) -> str:
        method, path, status, body_bytes, chunks, first_byte_ms, duration_ms, ending, source = self
        path = _shortened(path)
        # Nearly every request has such a method and path.
        if not (method.isalpha() and path[:1] == "/" and path.isprintable() and " " not in path):
            method, path = _one_word(method), _one_word(path)
        first_byte = "" if first_byte_ms is None else f"first byte {first_byte_ms:.1f} ms, "
        return (
            f"{method} {path} {status or '-'} {ending}: bytes {body_bytes}, chunks {chunks}, "
            f"{first_byte}total {duration_ms:.1f} ms, {source}"
        )

    def fields(self) -> dict[str, Any]:
        """Return the fields of its JSON line, in addition to those of every line."""
        return {
            "method": self.method,
            "path": _shortened(self.path),
            "status": self.status,
            "bytes": self.body_bytes,
            "chunks": self.chunks,
            "firstByteMs": None if self.first_byte_ms is None else round(self.first_byte_ms, 3),
            "durationMs": round(self.duration_ms, 3),
            "ending": self.ending,
            "source": self.source,
        }


def _shortened(path: str) -> str:
    return (
        path
        if len(path) <= LONGEST_PATH
        else f"{path[:LONGEST_PATH]}...+{len(path) - LONGEST_PATH}"
    )


def _one_word(text: str) -> str:
    """Return `text`, quoted and escaped if it could look like several words or lines."""
    return text if text.isprintable() and " " not in text and text[:1] not in "'\"" else repr(text)


def log_access(access: Access) -> None:
    """Log one line for the current invocation of this context."""
    if not access_logger.isEnabledFor(logging.INFO):
        return
    if _direct is not None and _current_route() == _route and _written(access, _direct):
        return
    # Not by Logger.info, which finds the calling frame and checks each field's name: it takes 2.4
    # µs more.
    record = access_logger.makeRecord(
        access_logger.name, logging.INFO, __file__, 0, str(access), (), None, "log_access"
    )
    vars(record).update(access.fields())
    access_logger.handle(record)


def write_directly(handler: LambdaHandler) -> None:
    """Write the line to `handler`, which has the text format, if its records would go only there.

    Most functions do not change logging. Bypassing `logging` saves a fifth of the runtime's CPU
    time for a small response (docs/performance.md).
    """
    global _direct, _route
    _direct, _route = handler, _current_route()


_direct: LambdaHandler | None = None
_route: tuple[object, ...] = ()


def _current_route() -> tuple[object, ...]:
    """Return everything that decides where a record of the access logger goes, and its format."""
    own, root = access_logger, access_logger.root
    parent = own.parent or root
    handlers = root.handlers
    first = handlers[0] if handlers else None
    return (
        parent,
        parent.parent,
        own.propagate,
        parent.propagate,
        None if first is None else (first.level, first.formatter, *first.filters),
        *own.handlers,
        *own.filters,
        *parent.handlers,
        *handlers,
    )


def _written(access: Access, handler: LambdaHandler) -> bool:
    """Return whether the write succeeded. If not, `logging` handles the error."""
    invocation = current_invocation.get()
    now = time.time()
    line = text_line(
        "INFO",
        now,
        now % 1 * 1000,
        "" if invocation is None else invocation.request_id,
        str(access),
    )
    with handler.lock or nullcontext():
        try:
            handler.write(f"{line}\n", logging.INFO, now)
        except Exception:
            return False
    return True
