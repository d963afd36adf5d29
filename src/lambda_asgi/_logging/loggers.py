"""The runtime's own loggers: only their level silences them, and they never raise."""

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class RuntimeLogger(logging.Logger):
    """A logger that the app's logging can neither disable nor break.

    `logging.config.dictConfig` and `fileConfig` disable every logger that exists, unless told otherwise: an app that
    configures its own logging would lose the runtime's errors. And a filter or a handler that raises would end the
    invocation, or the environment: what an app logs with must not change what it answers.
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
        except BaseException as failure:  # SystemExit, too
            _last_resort(record, failure)

    def makeRecord(  # the signature is logging's
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
        except BaseException:  # a record factory of the app's
            return logging.LogRecord(name, level, fn, lno, msg, args, exc_info, func, sinfo)


def _last_resort(record: logging.LogRecord, failure: BaseException) -> None:
    """Say on standard error what could not be logged. Where that is closed, too, there is nowhere left."""
    with suppress(Exception):
        message = (
            f"{record.levelname} {record.getMessage()} (logging failed: {type(failure).__name__})"
        )
        print(message, file=sys.stderr, flush=True)


def runtime_logger(name: str) -> logging.Logger:
    usual = logging.getLoggerClass()
    logging.setLoggerClass(RuntimeLogger)
    try:
        return logging.getLogger(name)
    finally:
        logging.setLoggerClass(usual)


logger = runtime_logger("lambda_asgi")
"""What the runtime itself has to say."""

init_logger = runtime_logger("lambda_asgi.init")
init_logger.setLevel(logging.INFO)
"""What there is to know of a start: one or two lines, also where the root logger is at WARNING."""
