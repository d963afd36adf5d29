"""What the templates of REST APIs and HTTP APIs say alike of the function behind a route."""

import re
from typing import Final

from lambda_emulator import limits
from lambda_emulator.template.properties import Properties

__all__ = ["NO_AUTHORIZER", "function_name", "timeout_seconds"]

NO_AUTHORIZER: Final = "authorizers are not emulated: every request is let in"
_FUNCTION: Final = re.compile(r":function:([\w-]+)")


def function_name(get: Properties, key: str) -> str:
    """Return the function's name in an ARN or an integration's URI, or "" if it has none.

    Raises:
        TemplateError: The property is not text.
    """
    arn = get.text(key, "")
    found = _FUNCTION.search(arn)
    return found[1] if found else ""


def timeout_seconds(get: Properties, default: float, longest: float) -> float:
    """Return `TimeoutInMillis` in seconds.

    Args:
        get: The properties that contain it.
        default: Seconds, if it is not given.
        longest: The most that AWS accepts, in seconds.

    Raises:
        TemplateError: It is no number, or out of range.
    """
    low = round(limits.API_GATEWAY_TIMEOUT * 1000)
    high = round(longest * 1000)
    given = get.number("TimeoutInMillis", low, high, None)
    return default if given is None else given / 1000
