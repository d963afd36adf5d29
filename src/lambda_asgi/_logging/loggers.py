"""The runtime's own loggers. Only their level silences them, and they never raise."""

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class RuntimeLogger(logging.Logger):
    """A logger that the app's logging can neither disable nor break.

    `logging.config.dictConfig` and `fileConfig` disable existing loggers by default, so an app that
    configures logging would lose the runtime's errors. A filter or handler that raises would end
    the invocation or the environment. Logging must not change a response.
    """

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        pass

    def handle(self, record: logging.LogRecord) -> None:
        try:
            super().handle(record)
        except BaseException as failure:  # SystemExit, too.
            _last_resort(record, failure)

    def makeRecord(  # logging defines the signature
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        try:
            return super().makeRecord(name, level, fn, lno, msg, args, exc_info, func, extra, sinfo)
        except BaseException:  # the app's record factory raised
            return logging.LogRecord(name, level, fn, lno, msg, args, exc_info, func, sinfo)


def _last_resort(record: logging.LogRecord, failure: BaseException) -> None:
    """Write to standard error what could not be logged.

    If standard error is closed, nothing is left to try.
    """
    with suppress(Exception):
        message = (
            f"{record.levelname} {record.getMessage()} (logging failed: {type(failure).__name__})"
        )
        print(message, file=sys.stderr, flush=True)


def runtime_logger(name: str) -> logging.Logger:
    """Return the logger `name` as a RuntimeLogger."""
    usual = logging.getLoggerClass()
    logging.setLoggerClass(RuntimeLogger)
    try:
        return logging.getLogger(name)
    finally:
        logging.setLoggerClass(usual)


logger = runtime_logger("lambda_asgi")
"""The runtime's own messages."""

init_logger = runtime_logger("lambda_asgi.init")
init_logger.setLevel(logging.INFO)
"""Messages about a start: one or two lines, also where the root logger is at WARNING."""
