"""Application Load Balancer target groups, with and without multi-value headers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.event_source import RequestSource, wire_path
from lambda_asgi._event_sources.parts import (
    merged_header_lines,
    nearest_forwarded_for,
    query_parameters,
    request_body,
    text_member,
    undecoded_query_string,
)


class ALB(RequestSource):
    """An Application Load Balancer. Path and query parameters are not decoded (recorded)."""

    name = "alb"

    def method(self) -> Any:
        return self.event.get("httpMethod")

    def url_path(self) -> tuple[bytes, str]:
        return wire_path(text_member(self.event, "path") or "/")

    def query_string(self) -> bytes:
        event = self.event
        return undecoded_query_string(
            query_parameters(
                event.get("multiValueQueryStringParameters"), event.get("queryStringParameters")
            )
        )

    def headers(self) -> RawHeaders:
        return merged_header_lines(self.event)

    def body(self) -> bytes:
        return request_body(self.event.get("body"), self.event.get("isBase64Encoded"))

    def client_address(self, headers: RawHeaders) -> Any:
        return nearest_forwarded_for(headers)

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        multi_value = self.event.get("multiValueHeaders") is not None
        return results.alb(status, headers, body, self.options, multi_value=multi_value)
