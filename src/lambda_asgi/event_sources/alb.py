"""Application Load Balancer target groups, with and without multi-value headers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from typing import Any

from lambda_asgi import buffered
from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.errors import EventError
from lambda_asgi.event_sources.payload_v1 import merged_header_lines
from lambda_asgi.event_sources.source import EventSource
from lambda_asgi.scope import (
    decoded_path,
    describe,
    http_scope,
    json_list,
    json_object,
    mount_point,
    nearest_forwarded_for,
    request_body,
    text_member,
    utf8,
)


class ALB(EventSource):
    """An Application Load Balancer: path and query parameters arrive as on the wire (recorded)."""

    name = "alb"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        raw_path = utf8(text_member(event, "path") or "/")
        path = decoded_path(raw_path)
        headers = merged_header_lines(event)
        parameters = json_object(event.get("multiValueQueryStringParameters"), "multiValueQueryStringParameters")
        if not parameters:
            parameters = json_object(event.get("queryStringParameters"), "queryStringParameters")
        body = request_body(event.get("body"), event.get("isBase64Encoded"))
        scope = http_scope(
            event,
            context,
            method=event.get("httpMethod"),
            path=path,
            raw_path=raw_path,
            query_string=undecoded_query_string(parameters),
            headers=headers,
            body=body,
            client_ip=nearest_forwarded_for(headers),
            root_path=mount_point(path, base_path),
        )
        return scope, body

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.alb(status, headers, body, multi_value="multiValueHeaders" in event)


def undecoded_query_string(parameters: dict[str, Any]) -> bytes:
    """The query of parameters that nobody has decoded: put together again, nothing encoded twice.

    What no query may hold on the wire (spaces, "#", other than ASCII) is escaped: a hand-made event may have it.
    """
    pieces = []
    for key, values in parameters.items():
        for value in values if isinstance(values, list) else json_list([values], key):
            if not isinstance(value, str):
                raise EventError(f"the event's query parameter {key!r} is {describe(value)}, not a string")
            pieces.append(f"{key}={value}")
    query = utf8("&".join(pieces))
    if query.isalnum():
        return query
    from urllib.parse import quote

    return quote(query, safe="%/?:@!$&'()*+,;=~[]").encode()
