"""What the templates of REST APIs and HTTP APIs say alike of the function behind a route."""

import re
from typing import Final

from lambda_emulator import limits
from lambda_emulator.template.properties import Properties

__all__ = ["NO_AUTHORIZER", "function_name", "timeout_seconds"]

NO_AUTHORIZER: Final = "authorizers are not emulated: every request is let in"
_FUNCTION: Final = re.compile(r":function:([\w-]+)")


def function_name(get: Properties, key: str) -> str:
    """The name of the function in an ARN, or in the URI of an integration; "" without one."""
    found = _FUNCTION.search(get.text(key, ""))
    return found[1] if found else ""


def timeout_seconds(get: Properties, default: float, longest: float) -> float:
    """`TimeoutInMillis` in seconds. Raises TemplateError."""
    shortest = round(limits.API_GATEWAY_TIMEOUT * 1000)
    given = get.number("TimeoutInMillis", shortest, round(longest * 1000), None)
    return default if given is None else given / 1000
