"""What Lambda tells, if this runs there.

An Event Function has `aws.event` and `aws.context` in its scopes, as in Mangum. A Web Function has
neither, nor AWS_LAMBDA_FUNCTION_NAME: it is told from a plain server by its initialization type.
"""

import os
from collections.abc import Mapping
from typing import Any


def on_lambda() -> bool:
    """Whether this process is a function's, of either kind (Lambda Developer Guide, "Defined runtime
    environment variables"). `sam local` sets the name alone."""
    return (
        "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ or "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    )


def on_web_function() -> bool:
    """Whether this process is a Web Function's (measured by AWS's agent toolkit)."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "native-http"


def on_event_function(scope: Mapping[str, Any]) -> bool:
    """Whether this request is the event of an Event Function."""
    return "aws.event" in scope


def client_address(scope: Mapping[str, Any]) -> str | None:
    """Who asks. A Web Function's endpoint appends it to X-Forwarded-For, whatever stands there before
    (Lambda Developer Guide, "HTTP requests and responses"); elsewhere the scope has it."""
    if on_web_function():
        forwarded = _last_header(scope, b"x-forwarded-for")
        return forwarded and forwarded.rpartition(",")[2].strip()
    client = scope.get("client")
    return None if client is None else str(client[0])


def seconds_left(scope: Mapping[str, Any]) -> float | None:
    """Until the invocation's deadline; None outside of Lambda."""
    context = scope.get("aws.context")
    return None if context is None else context.get_remaining_time_in_millis() / 1000


def request_id(scope: Mapping[str, Any]) -> str | None:
    if on_web_function():
        return _last_header(scope, b"lambda-web-request-id")
    context = scope.get("aws.context")
    return None if context is None else str(context.aws_request_id)


def caller_arn(scope: Mapping[str, Any]) -> str | None:
    """Who signed the request, where the front door checks that: a Function URL or HTTP API, or a REST API, by IAM."""
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
