"""Buffered answers: a whole response as the JSON that each front door takes.

Mangum's handlers do the work where they do it right; what they get wrong is done here first (docs/events.md lists each
difference). Mangum is imported with the first buffered answer, not before: it costs a cold start some milliseconds.
"""

from functools import cache
from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._headers import HOP_BY_HOP

# CloudFront answers 502 in place of a function that sets one of these, or sets it by itself.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
NOT_AT_EDGE = HOP_BY_HOP | frozenset(
    b"content-length expect host proxy-authenticate proxy-authorization via x-accel-buffering x-accel-charset"
    b" x-accel-limit-rate x-accel-redirect x-amzn-auth x-amzn-cf-billing x-amzn-cf-id x-amzn-cf-xff x-amzn-errortype"
    b" x-amzn-fle-profile x-amzn-header-count x-amzn-header-order x-amzn-lambda-integration-tag x-amzn-requestid"
    b" x-cache x-forwarded-proto x-real-ip".split()
)
NOT_AT_EDGE_PREFIXES = (b"x-amz-cf-", b"x-edge-")


def payload_v2(status: int, headers: RawHeaders, body: bytes) -> dict[str, Any]:
    """The answer to payload format 2.0: `headers` with one value each, `cookies` apart."""
    from mangum.handlers import HTTPGateway

    event = {"version": "2.0", "requestContext": {"http": {"sourceIp": "", "path": "/", "method": "GET"}}}
    return HTTPGateway(event, NO_CONTEXT, mangum_config())(mangum_response(status, headers, body))


def payload_v1(status: int, headers: RawHeaders, body: bytes) -> dict[str, Any]:
    """The answer to payload format 1.0: `multiValueHeaders` for names that come more than once, else `headers`."""
    from mangum.handlers import APIGateway

    return APIGateway({}, NO_CONTEXT, mangum_config())(mangum_response(status, headers, body))


def alb(status: int, headers: RawHeaders, body: bytes, multi_value: bool) -> dict[str, Any]:
    """The answer to a load balancer: `multiValueHeaders` only, or `headers` only.

    With one value for each name, cookies differ in the case of their name ("set-cookie", "Set-cookie", ...), which HTTP
    clients do not mind. Other names that come more than once are one value joined by ", " (RFC 9110 section 5.3).
    """
    from mangum.handlers import ALB

    event: dict[str, Any] = {"path": "/", "httpMethod": "GET", "headers": {}}
    if multi_value:
        event["multiValueHeaders"] = {}
    else:
        headers = joined(headers)
    return ALB(event, NO_CONTEXT, mangum_config())(mangum_response(status, headers, body))


def lambda_at_edge(status: int, headers: RawHeaders, body: bytes) -> dict[str, Any]:
    """The answer of a request trigger.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-generating-http-responses-in-requests.html
    """
    lines: dict[str, list[dict[str, str]]] = {}
    for raw_name, value in headers:
        raw_name = raw_name.lower()
        if raw_name not in NOT_AT_EDGE and not raw_name.startswith(NOT_AT_EDGE_PREFIXES):
            name = raw_name.decode("latin-1")
            lines.setdefault(name, []).append({"key": name, "value": value.decode("latin-1")})
    from mangum.handlers.utils import handle_base64_response_body

    content_type = {"content-type": lines["content-type"][0]["value"]} if "content-type" in lines else {}
    text, is_base64 = handle_base64_response_body(body, content_type, mangum_config()["text_mime_types"])
    return {"status": str(status), "headers": lines, "body": text, "bodyEncoding": "base64" if is_base64 else "text"}


def joined(headers: RawHeaders) -> RawHeaders:
    """`headers` with one line for each name, but for cookies, which cannot be joined."""
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
"""Mangum's handlers take the Lambda context, and do nothing with it for an answer."""


@cache
def mangum_config(base_path: str = "") -> Any:
    """What Mangum's handlers are made with.

    Its list of text types lacks those that end in +json and +xml (`application/problem+json`): a REST API without
    binaryMediaTypes would send them to the client as base64.
    """
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

    return {
        "api_gateway_base_path": base_path or "/",
        "text_mime_types": [*DEFAULT_TEXT_MIME_TYPES, "+json", "+xml", "application/x-ndjson"],
        "exclude_headers": [],
    }


def mangum_response(status: int, headers: RawHeaders, body: bytes) -> Any:
    """Mangum's own response type, of headers that it can take: it decodes as UTF-8, but HTTP's are Latin-1."""
    lines = [
        [name.decode("latin-1").encode(), value.decode("latin-1").encode()]
        for name, value in headers
        if name.lower() not in HOP_BY_HOP
    ]
    return {"status": status, "headers": lines, "body": body}
