"""The runtime's own loggers: nothing but their level silences them."""

import logging


class RuntimeLogger(logging.Logger):
    """A logger that only its level silences.

    `logging.config.dictConfig` and `fileConfig` disable every logger that exists, unless told otherwise: an app that
    configures its own logging would so lose the runtime's errors, and learn of it when it needs them.
    """

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        pass


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
