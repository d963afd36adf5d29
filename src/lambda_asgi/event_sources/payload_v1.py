"""Payload format 1.0: API Gateway REST APIs, buffered or with response transfer mode STREAM, and HTTP APIs set to it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from typing import Any

from lambda_asgi import buffered
from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.errors import EventError
from lambda_asgi.event_sources.payload_v2 import redecoded_path, stage_of
from lambda_asgi.event_sources.source import EventSource
from lambda_asgi.scope import (
    decoded_path,
    describe,
    header_lines,
    http_scope,
    json_list,
    json_object,
    mount_point,
    multi_header_lines,
    request_body,
    text_member,
    utf8,
)


class RESTAPI(EventSource):
    """An API Gateway REST API. The path arrives as on the wire but for the stage, which only `requestContext` has."""

    name = "rest-api"
    can_stream = True

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        raw_path = text_member(event, "path") or "/"
        stage = stage_prefix(text_member(event["requestContext"], "path"), raw_path)
        wire_path = utf8(stage + raw_path)
        path = decoded_path(wire_path)
        root_path = mount_point(path, decoded_path(utf8(stage)), base_path) if stage or base_path else ""
        return scope_and_body(event, context, path, wire_path, root_path)

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.payload_v1(status, headers, body)


class HTTPAPIPayloadV1(EventSource):
    """An API Gateway HTTP API set to payload format 1.0: path decoded, a named stage in it, as with 2.0."""

    name = "http-api"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        path, raw_path = redecoded_path(text_member(event, "path") or "/")
        root_path = mount_point(path, stage_of(event), base_path)
        return scope_and_body(event, context, path, raw_path, root_path)

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.payload_v1(status, headers, body)


def scope_and_body(event: Any, context: Any, path: str, raw_path: bytes, root_path: str) -> tuple[Scope, bytes]:
    request_context = event["requestContext"]
    body = request_body(event.get("body"), event.get("isBase64Encoded"))
    scope = http_scope(
        event,
        context,
        method=event.get("httpMethod"),
        path=path,
        raw_path=raw_path,
        query_string=query_string(event),
        headers=merged_header_lines(event),
        body=body,
        client_ip=json_object(request_context.get("identity"), "requestContext.identity").get("sourceIp"),
        host=request_context.get("domainName"),
        root_path=root_path,
        protocol=request_context.get("protocol"),
    )
    return scope, body


def stage_prefix(full_path: str, path: str) -> str:
    """What `full_path` has before `path`: "/prod" for "/prod/items" and "/items".

    With a custom domain both are the same: the stage is no part of the URL then.
    """
    if full_path.endswith(path):
        return full_path[: -len(path)]
    return full_path if path == "/" and "/" not in full_path[1:] else ""


def merged_header_lines(event: Any) -> RawHeaders:
    """All lines of `multiValueHeaders`, and what only `headers` has (there, the last line of each name)."""
    multi, single = event.get("multiValueHeaders"), event.get("headers")
    if not multi:
        return header_lines(single)
    lines = multi_header_lines(multi)
    if isinstance(single, dict) and single.keys() <= multi.keys():
        return lines
    known = {name for name, _ in lines}
    return lines + [line for line in header_lines(single) if line[0] not in known]


def query_string(event: Any) -> bytes:
    """The query, encoded anew: API Gateway has decoded it. Order and spelling of the original are lost."""
    multi = json_object(event.get("multiValueQueryStringParameters"), "multiValueQueryStringParameters")
    single = json_object(event.get("queryStringParameters"), "queryStringParameters")
    if not multi and not single:
        return b""
    from urllib.parse import urlencode

    pairs = [(key, value) for key, values in multi.items() for value in json_list(values, f"query parameter {key!r}")]
    pairs += [(key, value) for key, value in single.items() if key not in multi]
    for key, value in pairs:
        if not isinstance(value, str):
            raise EventError(f"the event's query parameter {key!r} is {describe(value)}, not a string")
    return urlencode(pairs, errors="surrogatepass").encode()
