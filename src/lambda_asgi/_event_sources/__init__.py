"""Events in, ASGI scopes out; responses in, function results out: one module per family of event sources.

Pure: no I/O, no clock, no environment.
"""

from collections.abc import Sequence
from typing import Any

from lambda_asgi._event_sources.alb import ALB
from lambda_asgi._event_sources.custom import CustomHandler
from lambda_asgi._event_sources.lambda_at_edge import LambdaAtEdge
from lambda_asgi._event_sources.non_http import NonHTTP
from lambda_asgi._event_sources.payload_v1 import RESTAPI, HTTPAPIPayloadV1
from lambda_asgi._event_sources.payload_v2 import HTTPAPI, FunctionURL
from lambda_asgi._event_sources.source import EventSource
from lambda_asgi._event_sources.vpc_lattice import VPCLattice

__all__ = ["NON_HTTP", "EventSource", "infer"]

FUNCTION_URL = FunctionURL()
HTTP_API = HTTPAPI()
HTTP_API_PAYLOAD_V1 = HTTPAPIPayloadV1()
REST_API = RESTAPI()
ALB_TARGET = ALB()
LAMBDA_AT_EDGE = LambdaAtEdge()
VPC_LATTICE = VPCLattice()
NON_HTTP = NonHTTP()


def infer(event: Any, custom_handlers: Sequence[type[Any]] = (), context: Any = None) -> EventSource:
    """The source of `event`; what is no HTTP request, is `NON_HTTP`.

    `custom_handlers` are Mangum handler classes; they are asked first, in their order, about events that are objects.
    Raises EventError only if the `infer` of one of them raises, otherwise nothing for any JSON value.
    """
    if not isinstance(event, dict):
        return NON_HTTP
    for handler in custom_handlers:
        source = CustomHandler(handler)
        if source.recognises(event, context):
            return source
    request_context = event.get("requestContext")
    if isinstance(request_context, dict):
        return source_of_request(event, request_context)
    if is_lambda_at_edge_request(event):
        return LAMBDA_AT_EDGE
    if {"raw_path", "method", "headers", "is_base64_encoded"} <= event.keys():
        return VPC_LATTICE
    return NON_HTTP


def source_of_request(event: dict[str, Any], request_context: dict[str, Any]) -> EventSource:
    if "routeArn" in event or "methodArn" in event:
        return NON_HTTP  # a Lambda authorizer's event describes a request, but wants a policy for an answer
    if isinstance(request_context.get("http"), dict) and "rawPath" in event:
        # Function URLs and HTTP APIs send the same format. The domain tells: a Function URL's is always
        # <id>.lambda-url.<region>.on.aws. It takes no custom domain, and a CloudFront distribution before it has to
        # send that name as Host, or the URL answers 403 (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
        domain = request_context.get("domainName")
        return FUNCTION_URL if isinstance(domain, str) and ".lambda-url." in domain else HTTP_API
    if "elb" in request_context:
        return ALB_TARGET
    if "httpMethod" in event and "path" in event:  # WebSocket events have neither
        return HTTP_API_PAYLOAD_V1 if event.get("version") == "1.0" else REST_API
    if "serviceArn" in request_context and "method" in event and "path" in event:
        return VPC_LATTICE
    return NON_HTTP


def is_lambda_at_edge_request(event: dict[str, Any]) -> bool:
    """Whether the event is a request trigger's. A response trigger wants a changed response, which no app makes."""
    match event.get("Records"):
        case [{"cf": {"request": dict()} as cloudfront}, *_]:
            return "response" not in cloudfront
    return False
