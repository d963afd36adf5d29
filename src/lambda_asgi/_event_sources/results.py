"""Turn a whole response into the JSON result that each event source expects.

Mangum's handlers do most of the work. What they do wrong is corrected first (docs/events.md lists
each difference). Mangum is imported with the first buffered response, because it takes some
milliseconds of a cold start.
"""

from typing import TYPE_CHECKING, Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources.text_bodies import is_text, media_type
from lambda_asgi._headers import HOP_BY_HOP

if TYPE_CHECKING:
    from lambda_asgi._event_sources.event_source import EventOptions

# CloudFront responds 502 if a function sets one of these, or sets it itself.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
NOT_AT_EDGE = HOP_BY_HOP | frozenset(
    b"content-length expect host proxy-authenticate proxy-authorization via"
    b" x-accel-buffering x-accel-charset x-accel-limit-rate x-accel-redirect"
    b" x-amzn-auth x-amzn-cf-billing x-amzn-cf-id x-amzn-cf-xff x-amzn-errortype"
    b" x-amzn-fle-profile x-amzn-header-count x-amzn-header-order"
    b" x-amzn-lambda-integration-tag x-amzn-requestid"
    b" x-cache x-forwarded-proto x-real-ip".split()
)
NOT_AT_EDGE_PREFIXES = (b"x-amz-cf-", b"x-edge-")


def payload_v2(
    status: int, headers: RawHeaders, body: bytes, options: "EventOptions"
) -> dict[str, Any]:
    """Return the result for payload format 2.0: `headers` with one value each, and `cookies`."""
    from mangum.handlers import HTTPGateway

    event = {
        "version": "2.0",
        "requestContext": {"http": {"sourceIp": "", "path": "/", "method": "GET"}},
    }
    handler = HTTPGateway(event, NO_CONTEXT, _config_for(headers, body, options))
    result = handler(mangum_response(status, headers, body))
    if not media_type(headers):
        # Mangum says application/json, whatever the body is
        result["headers"].pop("content-type", None)
    return result


def payload_v1(
    status: int, headers: RawHeaders, body: bytes, options: "EventOptions"
) -> dict[str, Any]:
    """Return the result for payload format 1.0.

    Repeated names are in `multiValueHeaders`, all others in `headers`.
    """
    from mangum.handlers import APIGateway

    handler = APIGateway({}, NO_CONTEXT, _config_for(headers, body, options))
    return handler(mangum_response(status, headers, body))


def alb(
    status: int, headers: RawHeaders, body: bytes, options: "EventOptions", *, multi_value: bool
) -> dict[str, Any]:
    """Return the result for a load balancer: `multiValueHeaders` only, or `headers` only.

    With one value for each name, cookies use different cases of their name ("set-cookie",
    "Set-cookie", ...), which HTTP clients accept. Other repeated names are joined by ", " (RFC 9110
    section 5.3).
    """
    from mangum.handlers import ALB

    event: dict[str, Any] = {"path": "/", "httpMethod": "GET", "headers": {}}
    config = _config_for(headers, body, options)
    if multi_value:
        event["multiValueHeaders"] = {}
    else:
        headers = joined(headers)
    return ALB(event, NO_CONTEXT, config)(mangum_response(status, headers, body))


def lambda_at_edge(
    status: int, headers: RawHeaders, body: bytes, options: "EventOptions"
) -> dict[str, Any]:
    """Return the result of a request trigger.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-generating-http-responses-in-requests.html
    """
    lines: dict[str, list[dict[str, str]]] = {}
    for raw_name, value in headers:
        raw_name = raw_name.lower()
        if raw_name not in NOT_AT_EDGE and not raw_name.startswith(NOT_AT_EDGE_PREFIXES):
            name = raw_name.decode("latin-1")
            lines.setdefault(name, []).append({"key": name, "value": value.decode("latin-1")})
    from mangum.handlers.utils import handle_base64_response_body

    text_types = _config_for(headers, body, options)["text_mime_types"]
    text, is_base64 = handle_base64_response_body(body, {}, text_types)
    return {
        "status": str(status),
        "headers": lines,
        "body": text,
        "bodyEncoding": "base64" if is_base64 else "text",
    }


def joined(headers: RawHeaders) -> RawHeaders:
    """Return `headers` with one line for each name, except cookies, which cannot be joined."""
    values: dict[bytes, bytes] = {}
    cookies = []
    for name, value in headers:
        name = name.lower()
        if name == b"set-cookie":
            cookies.append((name, value))
        else:
            values[name] = values[name] + b", " + value if name in values else value
    return [*values.items(), *cookies]


NO_CONTEXT: Any = None
"""Mangum's handlers take the Lambda context, but do not use it for a response."""


ANY_TYPE = [""]
"""As Mangum's list of text types: every type contains it."""


def mangum_config(options: "EventOptions") -> Any:
    """Return the configuration of Mangum's handlers and of custom handlers."""
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

    return {
        "api_gateway_base_path": options.base_path or "/",
        "text_mime_types": [*DEFAULT_TEXT_MIME_TYPES, *options.text_types],
        "exclude_headers": [name.decode("latin-1") for name in options.exclude_headers],
    }


def _config_for(headers: RawHeaders, body: bytes, options: "EventOptions") -> Any:
    """Return Mangum's configuration for one response, whose body is text or binary."""
    text_types = ANY_TYPE if is_text(headers, body, options.text_types) else []
    return {"api_gateway_base_path": "/", "text_mime_types": text_types, "exclude_headers": []}


def mangum_response(status: int, headers: RawHeaders, body: bytes) -> Any:
    """Return Mangum's own response type.

    Mangum decodes headers as UTF-8, but HTTP's are Latin-1.
    """
    lines = [
        [name.decode("latin-1").encode(), value.decode("latin-1").encode()]
        for name, value in headers
        if name.lower() not in HOP_BY_HOP
    ]
    return {"status": status, "headers": lines, "body": body}
