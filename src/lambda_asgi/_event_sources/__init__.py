"""Turn events into ASGI scopes, and responses into function results. Pure.

There is one module for each family of event sources.
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
    """Return the source of `event`, bound to it. A non-HTTP event has a `NonHTTP`.

    The custom handlers are asked first, in order, if the event is an object.

    Raises:
        EventError: The `infer` of a custom handler raised. No JSON value raises anything else.
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
    """Return whether the domain is a Function URL's: <id>.lambda-url.<region>.on.aws.

    HTTP APIs send the same event format. A Function URL takes no custom domain: it responds 403 to
    any other Host, so a CloudFront distribution in front must send this name
    (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
    """
    domain = request_context.get("domainName")
    return isinstance(domain, str) and ".lambda-url." in domain


def _wants_no_response(event: dict[str, Any], request_context: dict[str, Any]) -> bool:
    """Return whether the event describes a request whose sender does not expect an HTTP response.

    A Lambda authorizer expects a policy, and a WebSocket API only a status. WebSocket events in the
    fixtures of AWS's libraries also have httpMethod and path.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    """
    is_authorizer = "routeArn" in event or "methodArn" in event
    return is_authorizer or ("connectionId" in request_context and "eventType" in request_context)


def _is_lambda_at_edge_request(event: dict[str, Any]) -> bool:
    """Return whether the event is from a request trigger.

    A response trigger expects a changed response instead.
    """
    match event.get("Records"):
        case [{"cf": {"request": dict()} as cloudfront}, *_]:
            return "response" not in cloudfront
    return False
