"""Payload format 2.0: Lambda Function URLs and API Gateway HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from typing import Any

from lambda_asgi import buffered
from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.event_sources.source import EventSource
from lambda_asgi.scope import (
    decoded_path,
    header_lines,
    header_value,
    http_scope,
    json_list,
    mount_point,
    request_body,
    text_member,
    utf8,
)

INVENTED_LENGTH = (b"content-length", b"0")


class FunctionURL(EventSource):
    """A Lambda Function URL: path and query arrive as they were on the wire."""

    name = "function-url"
    can_stream = True

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        raw_path = utf8(text_member(event, "rawPath") or "/")
        path = decoded_path(raw_path)
        root_path = mount_point(path, base_path) if base_path else ""
        return scope_and_body(event, context, path, raw_path, root_path)

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.payload_v2(status, headers, body)


class HTTPAPI(EventSource):
    """An API Gateway HTTP API.

    It decodes the path before the function sees it (sometimes twice, recorded), so `raw_path` is encoded anew and
    `path` is taken as it is. A named stage is the first segment of the path.
    """

    name = "http-api"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        path, raw_path = redecoded_path(text_member(event, "rawPath") or "/")
        root_path = mount_point(path, stage_of(event), base_path)
        return scope_and_body(event, context, path, raw_path, root_path)

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.payload_v2(status, headers, body)


def scope_and_body(event: Any, context: Any, path: str, raw_path: bytes, root_path: str) -> tuple[Scope, bytes]:
    request_context = event["requestContext"]
    http = request_context["http"]
    method = http.get("method")
    headers = header_lines(event.get("headers"))
    cookies = event.get("cookies")
    if cookies:
        # A Function URL leaves the Cookie header in too, its lines joined by "," which no cookie parser splits at.
        headers = [line for line in headers if line[0] != b"cookie"]
        values = [header_value("cookie", cookie) for cookie in json_list(cookies, "cookies")]
        headers.append((b"cookie", b"; ".join(values)))
    if INVENTED_LENGTH in headers and method in ("GET", "DELETE"):
        headers.remove(INVENTED_LENGTH)  # AWS adds it to requests that had none (recorded): a body, says HTTP
    body = request_body(event.get("body"), event.get("isBase64Encoded"))
    scope = http_scope(
        event,
        context,
        method=method,
        path=path,
        raw_path=raw_path,
        query_string=utf8(text_member(event, "rawQueryString")),
        headers=headers,
        body=body,
        client_ip=http.get("sourceIp"),
        host=request_context.get("domainName"),
        root_path=root_path,
        protocol=http.get("protocol"),
    )
    return scope, body


def redecoded_path(path: str) -> tuple[str, bytes]:
    """`path` and a raw path for one that the front door has decoded already."""
    from urllib.parse import quote

    raw_path = quote(utf8(path), safe="/:@!$&'()*+,;=~").encode()  # RFC 3986: what a path may hold unescaped
    return utf8(path).decode("utf-8", "replace"), raw_path


def stage_of(event: Any) -> str:
    """The name of an HTTP API's stage, "" for the default one, which is no part of the path."""
    stage = event["requestContext"].get("stage")
    return stage if isinstance(stage, str) and stage != "$default" else ""
