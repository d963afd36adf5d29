"""Payload format 2.0: Lambda Function URLs and API Gateway HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from typing import Any

from lambda_asgi import buffered
from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.errors import EventError
from lambda_asgi.event_sources.source import EventSource
from lambda_asgi.scope import (
    decoded_path,
    describe,
    header_bytes,
    header_lines,
    http_scope,
    mount_point,
    request_body,
    utf8,
)


class FunctionURL(EventSource):
    """A Lambda Function URL. The path arrives as it was on the wire."""

    name = "function-url"
    can_stream = True

    def request(
        self, event: Any, context: Any, *, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        raw_path = utf8(text(event, "rawPath") or "/")
        path = decoded_path(raw_path)
        root_path = mount_point(path, base_path) if base_path else ""
        return scope_of(event, context, path, raw_path, root_path), body_of(event)

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.payload_v2(status, headers, body)


def scope_of(event: Any, context: Any, path: str, raw_path: bytes, root_path: str) -> Scope:
    request_context = event["requestContext"]
    http = request_context["http"]
    method = http.get("method")
    headers = header_lines(event.get("headers"))
    cookies = event.get("cookies")
    if cookies:
        # A Function URL leaves the Cookie header in too, its lines joined with "," which cookie parsers do not split.
        headers = [line for line in headers if line[0] != b"cookie"]
        headers.append((b"cookie", cookie_header(cookies)))
    if (b"content-length", b"0") in headers and method in ("GET", "DELETE"):
        headers.remove((b"content-length", b"0"))  # invented by AWS: no client sent it (recorded)
    return http_scope(
        event,
        context,
        method=method,
        path=path,
        raw_path=raw_path,
        query_string=utf8(text(event, "rawQueryString")),
        headers=headers,
        client_ip=http.get("sourceIp"),
        host=request_context.get("domainName"),
        root_path=root_path,
    )


def body_of(event: Any) -> bytes:
    return request_body(event.get("body"), event.get("isBase64Encoded"))


def text(event: Any, key: str) -> str:
    value = event.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EventError(f"the event's {key} is {describe(value)}, not a string")
    return value


def cookie_header(cookies: Any) -> bytes:
    if not isinstance(cookies, list):
        raise EventError(f"the event's cookies are {describe(cookies)}, not a list")
    return b"; ".join([header_bytes(cookie, "cookie") for cookie in cookies])
