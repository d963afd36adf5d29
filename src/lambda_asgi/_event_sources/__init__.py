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
    if _wants_no_response(event, request_context):
        return NonHTTP
    if isinstance(request_context.get("http"), dict) and "rawPath" in event:
        return FunctionURL if _is_function_url(request_context) else HTTPAPI
    if "elb" in request_context:
        return ALB
    if "httpMethod" in event and "path" in event:
        return HTTPAPIPayloadV1 if event.get("version") == "1.0" else RESTAPI
    if "serviceArn" in request_context and {"method", "path"} <= event.keys():
        return VPCLatticeV1 if "raw_path" in event else VPCLattice
    return NonHTTP


def _is_function_url(request_context: dict[str, Any]) -> bool:
    """Whether the domain is a Function URL's, <id>.lambda-url.<region>.on.aws. HTTP APIs send the same format.

    A Function URL takes no custom domain, and a CloudFront distribution before it has to send that name as Host, or the
    URL answers 403 (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
    """
    domain = request_context.get("domainName")
    return isinstance(domain, str) and ".lambda-url." in domain


def _wants_no_response(event: dict[str, Any], request_context: dict[str, Any]) -> bool:
    """Whether the event describes a request, but its sender wants something else than a response.

    A Lambda authorizer wants a policy. A WebSocket API wants a status only; the fixtures of AWS's libraries have
    httpMethod and path in its events, too.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    """
    is_authorizer = "routeArn" in event or "methodArn" in event
    return is_authorizer or ("connectionId" in request_context and "eventType" in request_context)


def _is_lambda_at_edge_request(event: dict[str, Any]) -> bool:
    """Whether the event is a request trigger's. A response trigger wants a changed response, which no app makes."""
    match event.get("Records"):
        case [{"cf": {"request": dict()} as cloudfront}, *_]:
            return "response" not in cloudfront
    return False
