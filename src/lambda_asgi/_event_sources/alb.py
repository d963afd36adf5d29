"""Application Load Balancer target groups, with and without multi-value headers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.http_scope import (
    http_request,
    nearest_forwarded_for,
    query_parameters,
    request_body,
    text_member,
    undecoded_query_string,
    utf8,
)
from lambda_asgi._event_sources.payload_v1 import merged_header_lines
from lambda_asgi._event_sources.source import EventSource


class ALB(EventSource):
    """An Application Load Balancer: path and query parameters arrive as on the wire (recorded)."""

    name = "alb"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        parameters = query_parameters(event.get("multiValueQueryStringParameters"), event.get("queryStringParameters"))
        headers = merged_header_lines(event)
        return http_request(
            event,
            context,
            method=event.get("httpMethod"),
            raw_path=utf8(text_member(event, "path") or "/"),
            prefixes=(base_path,),
            query_string=undecoded_query_string(parameters),
            headers=headers,
            body=request_body(event.get("body"), event.get("isBase64Encoded")),
            client_ip=nearest_forwarded_for(headers),
        )

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.alb(status, headers, body, multi_value=event.get("multiValueHeaders") is not None)
