"""Events in, ASGI scopes out; responses in, function results out: one module per family of event sources.

Pure: no I/O, no clock, no environment.
"""

from typing import Any

from lambda_asgi._event_sources.alb import ALB
from lambda_asgi._event_sources.custom import CustomHandler
from lambda_asgi._event_sources.event_source import EventOptions, EventSource
from lambda_asgi._event_sources.lambda_at_edge import LambdaAtEdge
from lambda_asgi._event_sources.non_http import NonHTTP
from lambda_asgi._event_sources.payload_v1 import RESTAPI, HTTPAPIPayloadV1
from lambda_asgi._event_sources.payload_v2 import HTTPAPI, FunctionURL
from lambda_asgi._event_sources.vpc_lattice import VPCLattice, VPCLatticeV1

__all__ = ["EventOptions", "EventSource", "infer"]

_DEFAULTS = EventOptions()


def infer(event: Any, context: Any = None, options: EventOptions = _DEFAULTS) -> EventSource:
    """The source of `event`, bound to it. An event that is not an HTTP request has a `NonHTTP`.

    The custom handlers are asked first, in their order, about events that are objects.
    Raises EventError only if the `infer` of one of them raises, otherwise nothing for any JSON value.
    """
    if not isinstance(event, dict):
        return NonHTTP(event, context, options)
    for handler in options.custom_handlers:
        source = CustomHandler(event, context, options, handler)
        if source.recognises():
            return source
    return _shape(event)(event, context, options)


def _shape(event: dict[str, Any]) -> type[EventSource]:
    request_context = event.get("requestContext")
    if isinstance(request_context, dict):
        return _shape_of_request(event, request_context)
    if _is_lambda_at_edge_request(event):
        return LambdaAtEdge
    if {"raw_path", "method", "headers", "is_base64_encoded"} <= event.keys():
        return VPCLatticeV1
    return NonHTTP


def _shape_of_request(event: dict[str, Any], request_context: dict[str, Any]) -> type[EventSource]:
    if "routeArn" in event or "methodArn" in event:
        return NonHTTP  # a Lambda authorizer's event describes a request, but its sender wants a policy
    if "connectionId" in request_context and "eventType" in request_context:
        # A WebSocket API's. The fixtures of AWS's libraries have httpMethod and path, too.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
        return NonHTTP
    if isinstance(request_context.get("http"), dict) and "rawPath" in event:
        # Function URLs and HTTP APIs send the same format. The domain tells: a Function URL's is always
        # <id>.lambda-url.<region>.on.aws. It takes no custom domain, and a CloudFront distribution before it has to
        # send that name as Host, or the URL answers 403 (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
        domain = request_context.get("domainName")
        return FunctionURL if isinstance(domain, str) and ".lambda-url." in domain else HTTPAPI
    if "elb" in request_context:
        return ALB
    if "httpMethod" in event and "path" in event:
        return HTTPAPIPayloadV1 if event.get("version") == "1.0" else RESTAPI
    if "serviceArn" in request_context and "method" in event and "path" in event:
        return VPCLatticeV1 if "raw_path" in event else VPCLattice
    return NonHTTP


def _is_lambda_at_edge_request(event: dict[str, Any]) -> bool:
    """Whether the event is a request trigger's. A response trigger wants a changed response, which no app makes."""
    match event.get("Records"):
        case [{"cf": {"request": dict()} as cloudfront}, *_]:
            return "response" not in cloudfront
    return False
