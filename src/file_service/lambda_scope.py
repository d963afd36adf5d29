"""What Lambda tells the app about a request, if the app runs there.

An Event Function has `aws.event` and `aws.context` in its scopes, as in Mangum. A Web Function has
neither, and no AWS_LAMBDA_FUNCTION_NAME. Its initialization type distinguishes it from a plain
server.
"""

import os
from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

# Lambda Developer Guide, "Defined runtime environment variables". `sam local` sets only the name.
_ON_LAMBDA = {"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_FUNCTION_NAME"}


def on_lambda() -> bool:
    """Return whether this process is a function, of either kind."""
    return any(name in os.environ for name in _ON_LAMBDA)


def on_web_function() -> bool:
    """Return whether this process is a Web Function (measured by AWS's agent toolkit)."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "native-http"


def on_event_function(scope: Scope) -> bool:
    """Return whether this request is the event of an Event Function."""
    return "aws.event" in scope


def client_address(scope: Scope) -> str | None:
    """Return the address of the client.

    A Web Function's endpoint appends it to X-Forwarded-For, after anything that the client sent
    (Lambda Developer Guide, "HTTP requests and responses"). Elsewhere the scope has it.
    """
    if on_web_function():
        forwarded = _last_header(scope, b"x-forwarded-for")
        return forwarded and forwarded.rpartition(",")[2].strip()
    client = scope.get("client")
    return None if client is None else str(client[0])


def seconds_left(scope: Scope) -> float | None:
    """Return the seconds until the invocation's deadline, or None outside of Lambda."""
    context = scope.get("aws.context")
    if context is None:
        return None
    milliseconds: int = context.get_remaining_time_in_millis()
    return milliseconds / 1000


def request_id(scope: Scope) -> str | None:
    """Return Lambda's id of the request, or None outside of Lambda."""
    if on_web_function():
        return _last_header(scope, b"lambda-web-request-id")
    context = scope.get("aws.context")
    return None if context is None else str(context.aws_request_id)


def caller_arn(scope: Scope) -> str | None:
    """Return who signed the request, if a Function URL, HTTP API or REST API checked it by IAM."""
    context = _member(scope.get("aws.event"), "requestContext")
    iam = _member(_member(context, "authorizer"), "iam")
    identity = _member(context, "identity")
    arn = _member(iam, "userArn") or _member(identity, "userArn")
    return arn if arn and isinstance(arn, str) else None


def _last_header(scope: Scope, wanted: bytes) -> str | None:
    last: str | None = None
    for name, value in scope["headers"]:
        if name == wanted:
            last = value.decode("latin-1")
    return last


def _member(value: object, name: str) -> Any:
    """Return a member of a JSON object, or None if there is none."""
    return value.get(name) if isinstance(value, Mapping) else None
