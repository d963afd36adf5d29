"""Format log records as text or JSON lines, as awslambdaric does. Pure."""

import json
import logging
import time
from functools import lru_cache
from typing import Any

from lambda_asgi._describe import text_of, traceback_of


def _time(created: float, msecs: float) -> str:
    return f"{_utc(int(created))}.{str(int(msecs)).zfill(3)}Z"


@lru_cache(maxsize=1)
def _utc(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def rounded_level(level: int) -> int:
    """Return one of Lambda's levels. Other levels count as the next lower one."""
    return min(logging.CRITICAL, max(logging.NOTSET, level)) // 10 * 10


def text_line(level: str, created: float, msecs: float, request_id: str, message: str) -> str:
    """Return a line without its end. `created` and `msecs` are those of a LogRecord."""
    return f"[{level}]\t{_time(created, msecs)}\t{request_id}\t{message}"


class TextFormatter(logging.Formatter):
    """`[LEVEL]` TAB time TAB request id TAB message, and a traceback on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        request_id = getattr(record, "aws_request_id", "")
        return text_line(record.levelname, record.created, record.msecs, request_id, record.message)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + "\n"

    def formatException(self, ei: Any) -> str:  # logging defines the signature
        return (
            "".join(traceback_of(ei[1])).rstrip("\n")
            if ei[1] is not None
            else super().formatException(ei)
        )


# Attributes of every record, and those from formatters and InvocationFilter. All others are
# `extra`.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",  # Since Python 3.12
    "aws_request_id",
    "tenant_id",
}

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode


class JSONFormatter(logging.Formatter):
    """One JSON object: timestamp, level, message, logger, exception, invocation, and `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        is_object = isinstance(record.msg, dict) and not record.args
        own: dict[str, Any] = {
            "timestamp": _time(record.created, record.msecs),
            "level": logging.getLevelName(rounded_level(record.levelno)),
            "message": record.msg if is_object else record.getMessage(),
            "logger": record.name,
            **_exception_fields(record),
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}"
            if record.exc_info
            else None,
            "tenantId": getattr(record, "tenant_id", None),
        }
        own = {name: value for name, value in own.items() if value is not None}
        extra = {
            name: value
            for name, value in vars(record).items()
            if value is not None and name not in _RESERVED
        }
        line = {**own, **extra, **own}
        try:
            return _encode(line) + "\n"
        except (
            TypeError,
            ValueError,
            RecursionError,
        ):  # a value that contains itself, NaN, keys that are no strings
            return _encode({name: _encodable(value) for name, value in line.items()}) + "\n"


def _exception_fields(record: logging.LogRecord) -> dict[str, Any]:
    error_type, error, _ = record.exc_info or (None, None, None)
    if error_type is None or error is None:
        return {}
    return {
        "stackTrace": _stack_trace(error),
        "errorType": error_type.__name__,
        "errorMessage": text_of(error),
    }


def _stack_trace(error: BaseException) -> list[str]:
    """Return one string for each frame, followed by causes and the parts of exception groups."""
    import traceback  # Imported only when there is an error.

    context = None if error.__suppress_context__ else error.__context__
    if error.__cause__ is None and context is None and not isinstance(error, BaseExceptionGroup):
        return traceback.format_tb(error.__traceback__)
    return traceback_of(error)


def _encodable(value: Any) -> Any:
    try:
        _encode(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value
