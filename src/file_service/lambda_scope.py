"""What Lambda tells about a request, if it runs there: `aws.event` and `aws.context` of the scope, as in Mangum."""

import os
from collections.abc import Mapping
from typing import Any


def on_lambda() -> bool:
    """Whether this process is a function's (Lambda Developer Guide, "Defined runtime environment
    variables")."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def seconds_left(scope: Mapping[str, Any]) -> float | None:
    """Until the invocation's deadline; None outside of Lambda."""
    context = scope.get("aws.context")
    return None if context is None else context.get_remaining_time_in_millis() / 1000


def request_id(scope: Mapping[str, Any]) -> str | None:
    context = scope.get("aws.context")
    return None if context is None else str(context.aws_request_id)


def caller_arn(scope: Mapping[str, Any]) -> str | None:
    """Who signed the request, where the front door checks that: a Function URL or HTTP API, or a REST API, by IAM."""
    request_context = _mapping(_mapping(scope.get("aws.event")).get("requestContext"))
    iam = _mapping(_mapping(request_context.get("authorizer")).get("iam"))
    identity = _mapping(request_context.get("identity"))
    arn = iam.get("userArn") or identity.get("userArn")
    return arn if isinstance(arn, str) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
