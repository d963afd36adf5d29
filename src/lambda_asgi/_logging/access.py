"""One line for each invocation: how it went. On the path of every invocation, so measured: docs/logging.md."""

import logging
import time
from typing import Any, NamedTuple

from lambda_asgi._invocation import current_invocation
from lambda_asgi._logging.formatters import text_line
from lambda_asgi._logging.handlers import LambdaHandler
from lambda_asgi._logging.loggers import runtime_logger

access_logger = runtime_logger("lambda_asgi.access")

# A path comes from the caller, and Lambda takes events of 6 MB, while CloudWatch cuts long lines.
LONGEST_PATH = 1024


class Access(NamedTuple):
    """How one invocation went. As text it is the message of its log line.

    `body_bytes` and `chunks` are what was sent. `status` is None when there was no response; `first_byte_ms` and
    `duration_ms` count from the moment the event was there, and the first is None when no byte was sent. `ending` is
    one word such as "complete", "error" or "deadline"; `source` names the event source.
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
        # What nearly every request has needs no second look.
        if not (method.isalpha() and path[:1] == "/" and path.isprintable() and " " not in path):
            method, path = _one_word(method), _one_word(path)
        first_byte = "" if first_byte_ms is None else f"first byte {first_byte_ms:.1f} ms, "
        return (
            f"{method} {path} {status or '-'} {ending}: bytes {body_bytes}, chunks {chunks}, "
            f"{first_byte}total {duration_ms:.1f} ms, {source}"
        )

    def fields(self) -> dict[str, Any]:
        """The fields of its JSON line, beside those that every line has."""
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
    """`text` itself, or quoted and escaped where it could pass for more than one word of a line, or for a new line."""
    return text if text.isprintable() and " " not in text and text[:1] not in "'\"" else repr(text)


def log_access(access: Access) -> None:
    """Log one line for the invocation that is current in this context."""
    if not access_logger.isEnabledFor(logging.INFO):
        return
    if _direct is not None and _current_route() == _route and _written(access, _direct):
        return
    # Without Logger.info, which looks up the calling frame and checks each field's name: it takes 2.4 µs more.
    record = access_logger.makeRecord(
        access_logger.name, logging.INFO, __file__, 0, str(access), (), None, "log_access"
    )
    vars(record).update(access.fields())
    access_logger.handle(record)


def write_directly(handler: LambdaHandler) -> None:
    """Write the line to `handler`, which has the text format, as long as its records would go there and nowhere else.

    Every invocation has its line, and most functions leave logging as it is: going around `logging` then saves a fifth
    of the runtime's processor time for a small answer (docs/performance.md).
    """
    global _direct, _route
    _direct, _route = handler, _current_route()


_direct: LambdaHandler | None = None
_route: tuple[object, ...] = ()


def _current_route() -> tuple[object, ...]:
    """All that decides where a record of the access logger goes, and how it looks there."""
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
    """Whether that worked: what to do about errors is for `logging` to say."""
    invocation = current_invocation.get()
    now = time.time()
    line = text_line(
        "INFO",
        now,
        now % 1 * 1000,
        "" if invocation is None else invocation.request_id,
        str(access),
    )
    handler.acquire()
    try:
        handler.write(f"{line}\n", logging.INFO, now)
    except Exception:
        return False
    finally:
        handler.release()
    return True
