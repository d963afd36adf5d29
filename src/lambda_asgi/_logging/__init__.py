"""Logs: a root logger like the one of Lambda's Python runtime, and one line for each invocation.

Text lines, JSON lines and telemetry frames have the shapes of awslambdaric 4.2 (bootstrap.py and
lambda_runtime_log_utils.py). docs/logging.md lists the differences and the reasons. Settings:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html.
"""

import io
import logging
import os
import sys
import time

from lambda_asgi._environment import Environment
from lambda_asgi._logging.access import Access, access_logger, log_access, write_directly
from lambda_asgi._logging.formatters import JSONFormatter, TextFormatter
from lambda_asgi._logging.handlers import (
    FrameHandler,
    InvocationFilter,
    LambdaHandler,
    StdoutHandler,
)
from lambda_asgi._logging.loggers import init_logger, logger

__all__ = [
    "Access",
    "InvocationFilter",
    "access_logger",
    "configure",
    "init_logger",
    "log_access",
    "logger",
]


def configure(environment: Environment) -> None:
    """Set up the root logger, standard output and the access line.

    It is called once, before the app's import. A wrong setting causes a warning, and never fails
    the environment.
    """
    # as Lambda's runtime does, so that an app's own formatters say UTC too
    logging.Formatter.converter = time.gmtime
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A line in a buffer is lost if the environment is frozen and never thawed. A lone surrogate
        # in a print() must not raise.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    root = logging.getLogger()
    level, level_problem = _level(environment.log_level)
    if level is not None:
        root.setLevel(level)
    is_json = environment.log_format == "JSON"
    # Like its own runtime, Lambda filters by level only if a level is set, or if lines are JSON.
    handler, handler_problem = _handler(
        environment.telemetry_log_fd, leveled=is_json or level is not None
    )
    handler.setFormatter(JSONFormatter() if is_json else TextFormatter())
    handler.addFilter(InvocationFilter())
    root.addHandler(handler)
    init_logger.setLevel(logging.INFO if level is None else logging.NOTSET)
    if not is_json and len(root.handlers) == 1:
        write_directly(handler)
    if not environment.settings.access_log:
        access_logger.setLevel(logging.CRITICAL + 1)
    else:
        # The root logger's default level, WARNING, is meant for the app's own lines. A level that
        # the user sets also applies to the access line.
        access_logger.setLevel(logging.INFO if level is None else logging.NOTSET)
    for problem in filter(None, (level_problem, handler_problem)):
        logger.warning(problem)


def _level(name: str | None) -> tuple[int | None, str]:
    """Return AWS_LAMBDA_LOG_LEVEL as a level of Python's, and what is wrong with it."""
    if name is None:
        return None, ""
    known = {**logging.getLevelNamesMapping(), "TRACE": logging.DEBUG}
    level = known.get(name.upper())
    if level is None:
        return None, f"AWS_LAMBDA_LOG_LEVEL={name!r} is not known: use TRACE to FATAL"
    return level, ""


def _handler(telemetry_log_fd: int | None, *, leveled: bool) -> tuple[LambdaHandler, str]:
    if telemetry_log_fd is None:
        return StdoutHandler(), ""
    # the descriptor is ours alone: child processes do not get it
    os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
    try:
        os.set_inheritable(telemetry_log_fd, False)
    except OSError as error:
        reason = f"_LAMBDA_TELEMETRY_LOG_FD={telemetry_log_fd}: {error.strerror}"
        return StdoutHandler(), f"{reason}; logging to stdout"
    return FrameHandler(telemetry_log_fd, leveled=leveled), ""
