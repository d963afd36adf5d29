"""Recognize what a Handler names by its signature, and say what to do if it is not an ASGI app."""

import inspect
from typing import Any

WSGI = (
    "is a WSGI app. Install a2wsgi, and name handler = LambdaASGI(WSGIMiddleware(app)), "
    "with `from a2wsgi import WSGIMiddleware`"
)

FUNCTION = (
    "is called with (event, context): something wraps the app, "
    "such as a decorator, a function or a subclass of Mangum. "
    "Runtime mode serves the app itself, and would leave that out. "
    "Use handler mode: remove AWS_LAMBDA_EXEC_WRAPPER, and wrap "
    'LambdaASGI(app, response_mode="streaming") instead of the app'
)

APP = (
    "is an ASGI app, but Lambda's own loop calls the handler with (event, context). "
    'Name the LambdaASGI around it: handler = LambdaASGI(app, response_mode="streaming"). '
    "Or use runtime mode, which serves the app itself: "
    "AWS_LAMBDA_EXEC_WRAPPER=/var/task/lambda_asgi/bootstrap"
)

NO_APP = (
    "is no ASGI app: it cannot be called with (scope, receive, send). "
    "Name the app itself, or handler = LambdaASGI(app)"
)


def takes(target: Any, count: int) -> bool:
    """Return whether it can be called with so many positional arguments."""
    try:
        inspect.signature(target).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True


def is_wsgi(target: Any) -> bool:
    """Return whether its parameters are named (environ, start_response), as in PEP 3333."""
    try:
        return "start_response" in inspect.signature(target).parameters
    except (TypeError, ValueError):
        return False


def is_mangum(target: Any) -> bool:
    """Return whether it is a Mangum. A subclass with its own `__call__` is not: it does more."""
    kinds = type(target).__mro__
    mangum = next((kind for kind in kinds if kind.__module__.partition(".")[0] == "mangum"), None)
    return mangum is not None and type(target).__call__ is mangum.__call__
