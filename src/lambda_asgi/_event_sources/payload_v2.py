"""Payload format 2.0: Lambda Function URLs and API Gateway HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.http_scope import (
    header_lines,
    header_value,
    http_request,
    json_list,
    request_body,
    text_member,
    utf8,
)
from lambda_asgi._event_sources.source import EventSource


class FunctionURL(EventSource):
    """A Lambda Function URL: path and query arrive as they were on the wire."""

    name = "function-url"
    can_stream = True

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        return request_of(event, context, utf8(text_member(event, "rawPath") or "/"), None, (base_path,))

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.payload_v2(status, headers, body)


class HTTPAPI(EventSource):
    """An API Gateway HTTP API.

    It decodes the path before the function sees it (sometimes twice, recorded), so `path` is taken as it is, and
    `raw_path` is encoded anew. A named stage is the first segment of the path.
    """

    name = "http-api"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        raw_path, path = encoded_again(text_member(event, "rawPath") or "/")
        return request_of(event, context, raw_path, path, (stage_of(event), base_path))

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.payload_v2(status, headers, body)


def request_of(
    event: Any, context: Any, raw_path: bytes, path: str | None, prefixes: tuple[str, ...]
) -> tuple[Scope, bytes]:
    request_context = event["requestContext"]
    http = request_context["http"]
    method = http.get("method")
    fields = event.get("headers")
    headers = header_lines(fields)
    cookies = event.get("cookies")
    if cookies:
        # A Function URL leaves the Cookie header in too, its lines joined by "," which no cookie parser splits at.
        headers = [line for line in headers if line[0] != b"cookie"]
        values = [header_value("cookie", cookie) for cookie in json_list(cookies, "cookies")]
        headers.append((b"cookie", b"; ".join(values)))
    if fields and fields.get("content-length") == "0" and method in ("GET", "DELETE"):
        headers.remove((b"content-length", b"0"))  # AWS adds it to requests that had none (recorded): a body, says HTTP
    return http_request(
        event,
        context,
        method=method,
        raw_path=raw_path,
        path=path,
        prefixes=prefixes,
        query_string=utf8(text_member(event, "rawQueryString")),
        headers=headers,
        body=request_body(event.get("body"), event.get("isBase64Encoded")),
        client_ip=http.get("sourceIp"),
        host=request_context.get("domainName"),
        protocol=http.get("protocol"),
    )


def encoded_again(path: str) -> tuple[bytes, str]:
    """The raw path and the path of one that the front door has decoded."""
    from urllib.parse import quote

    wire = utf8(path)
    # RFC 3986 section 3.3: what a path may hold unescaped.
    return quote(wire, safe="/:@!$&'()*+,;=~").encode(), wire.decode("utf-8", "replace")


def stage_of(event: Any) -> str:
    """The name of an HTTP API's stage, "" for the default one, which is no part of the path."""
    stage = event["requestContext"].get("stage")
    return stage if isinstance(stage, str) and stage != "$default" else ""
