"""Payload format 1.0: API Gateway REST APIs, buffered or with response transfer mode STREAM, and HTTP APIs set to it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.http_scope import (
    decoded_path,
    header_lines,
    http_request,
    json_object,
    multi_header_lines,
    query_parameters,
    request_body,
    text_member,
    utf8,
)
from lambda_asgi._event_sources.payload_v2 import encoded_again, stage_of
from lambda_asgi._event_sources.source import EventSource


class RESTAPI(EventSource):
    """An API Gateway REST API. The path arrives as on the wire but for the stage, which only `requestContext` has."""

    name = "rest-api"
    can_stream = True

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        below_stage = text_member(event, "path") or "/"
        stage = stage_prefix(text_member(event["requestContext"], "path"), below_stage)
        prefixes = (decoded_path(utf8(stage)), base_path)
        return request_of(event, context, utf8(stage + below_stage), None, prefixes)

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.payload_v1(status, headers, body)


class HTTPAPIPayloadV1(EventSource):
    """An API Gateway HTTP API set to payload format 1.0: path decoded, a named stage in it, as with 2.0."""

    name = "http-api"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        raw_path, path = encoded_again(text_member(event, "path") or "/")
        return request_of(event, context, raw_path, path, (stage_of(event), base_path))

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.payload_v1(status, headers, body)


def request_of(
    event: Any, context: Any, raw_path: bytes, path: str | None, prefixes: tuple[str, ...]
) -> tuple[Scope, bytes]:
    request_context = event["requestContext"]
    return http_request(
        event,
        context,
        method=event.get("httpMethod"),
        raw_path=raw_path,
        path=path,
        prefixes=prefixes,
        query_string=query_string(event),
        headers=merged_header_lines(event),
        body=request_body(event.get("body"), event.get("isBase64Encoded")),
        client_ip=json_object(request_context.get("identity"), "requestContext.identity").get("sourceIp"),
        host=request_context.get("domainName"),
        protocol=request_context.get("protocol"),
    )


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
    parameters = query_parameters(event.get("multiValueQueryStringParameters"), event.get("queryStringParameters"))
    if not parameters:
        return b""
    from urllib.parse import urlencode

    return urlencode(parameters, errors="surrogatepass").encode()
