"""Log records as lines of text or JSON, as awslambdaric writes them. Pure."""

import json
import logging
import time
from functools import lru_cache
from typing import Any


def _time(created: float, msecs: float) -> str:
    return f"{_utc(int(created))}.{int(msecs):03d}Z"


@lru_cache(maxsize=1)
def _utc(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def rounded_level(level: int) -> int:
    """One of Lambda's levels: those between and beyond are taken as the next one below."""
    return min(logging.CRITICAL, max(logging.NOTSET, level)) // 10 * 10


def text_line(level: str, created: float, msecs: float, request_id: str, message: str) -> str:
    """A line without its end. `created` and `msecs` as in a LogRecord."""
    return f"[{level}]\t{_time(created, msecs)}\t{request_id}\t{message}"


class TextFormatter(logging.Formatter):
    """`[LEVEL]` TAB time TAB request id TAB message, and a traceback on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        request_id = getattr(record, "aws_request_id", "")
        return text_line(record.levelname, record.created, record.msecs, request_id, record.message)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + "\n"


# What a record has of itself, or gets from formatters and InvocationFilter: everything else came with `extra`.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",  # since Python 3.12
    "aws_request_id",
    "tenant_id",
}

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode


class JSONFormatter(logging.Formatter):
    """One JSON object: timestamp, level, message, logger, what is known of exception and invocation, and `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        has_message_object = isinstance(record.msg, dict) and not record.args
        line: dict[str, Any] = {
            "timestamp": _time(record.created, record.msecs),
            "level": logging.getLevelName(rounded_level(record.levelno)),
            "message": record.msg if has_message_object else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            error_type, error, _ = record.exc_info
            line["stackTrace"] = _stack_trace(error)
            line["errorType"] = error_type.__name__
            line["errorMessage"] = str(error)
        line["requestId"] = getattr(record, "aws_request_id", None)
        if record.exc_info:
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        line["tenantId"] = getattr(record, "tenant_id", None)
        line = {name: value for name, value in line.items() if value is not None}
        for name, value in vars(record).items():
            if name not in _RESERVED and name not in line and value is not None:
                line[name] = value
        try:
            return _encode(line) + "\n"
        except (TypeError, ValueError, RecursionError):  # a value that contains itself, NaN, keys that are no strings
            return _encode({name: _encodable(value) for name, value in line.items()}) + "\n"


def _stack_trace(error: BaseException | None) -> list[str]:
    """One string per frame. Where the reason lies in other exceptions, these follow: a cause, the parts of a group."""
    import traceback  # loaded only once there is an error

    if error is None:
        return []
    context = None if error.__suppress_context__ else error.__context__
    if error.__cause__ is None and context is None and not isinstance(error, BaseExceptionGroup):
        return traceback.format_tb(error.__traceback__)
    return traceback.format_exception(error)


def _encodable(value: Any) -> Any:
    try:
        _encode(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value
