"""What Lambda tells the app about a request, if the app runs there.

An Event Function has `aws.event` and `aws.context` in its scopes, as in Mangum. A Web Function has
neither, and no AWS_LAMBDA_FUNCTION_NAME. Its initialization type distinguishes it from a plain
server.
"""

import os
from collections.abc import Mapping
from typing import Any


def on_lambda() -> bool:
    """Return whether this process is a function, of either kind.

    Source: Lambda Developer Guide, "Defined runtime environment variables". `sam local` sets only
    the function's name.
    """
    return (
        "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ or "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    )


def on_web_function() -> bool:
    """Return whether this process is a Web Function (measured by AWS's agent toolkit)."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "native-http"


def on_event_function(scope: Mapping[str, Any]) -> bool:
    """Return whether this request is the event of an Event Function."""
    return "aws.event" in scope


def client_address(scope: Mapping[str, Any]) -> str | None:
    """Return the address of the client.

    A Web Function's endpoint appends it to X-Forwarded-For, after anything that the client sent
    (Lambda Developer Guide, "HTTP requests and responses"). Elsewhere the scope has it.
    """
    if on_web_function():
        forwarded = _last_header(scope, b"x-forwarded-for")
        return forwarded and forwarded.rpartition(",")[2].strip()
    client = scope.get("client")
    return None if client is None else str(client[0])


def seconds_left(scope: Mapping[str, Any]) -> float | None:
    """Return the seconds until the invocation's deadline, or None outside of Lambda."""
    context = scope.get("aws.context")
    return None if context is None else context.get_remaining_time_in_millis() / 1000


def request_id(scope: Mapping[str, Any]) -> str | None:
    if on_web_function():
        return _last_header(scope, b"lambda-web-request-id")
    context = scope.get("aws.context")
    return None if context is None else str(context.aws_request_id)


def caller_arn(scope: Mapping[str, Any]) -> str | None:
    """Return who signed the request, if a Function URL, HTTP API or REST API checked it by IAM."""
    request_context = _mapping(_mapping(scope.get("aws.event")).get("requestContext"))
    iam = _mapping(_mapping(request_context.get("authorizer")).get("iam"))
    identity = _mapping(request_context.get("identity"))
    arn = iam.get("userArn") or identity.get("userArn")
    return arn if isinstance(arn, str) else None


def _last_header(scope: Mapping[str, Any], wanted: bytes) -> str | None:
    values: list[bytes] = [value for name, value in scope["headers"] if name == wanted]
    return values[-1].decode("latin-1") if values else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
