"""Lambda@Edge: CloudFront's viewer requests and origin requests.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.http_scope import (
    http_request,
    json_list,
    json_object,
    multi_header_lines,
    request_body,
    text_member,
    utf8,
)
from lambda_asgi._event_sources.source import EventSource
from lambda_asgi.errors import EventError


class LambdaAtEdge(EventSource):
    """A request trigger of a CloudFront distribution, answered in place of the origin."""

    name = "lambda-at-edge"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        cloudfront = event["Records"][0]["cf"]
        request = cloudfront["request"]
        headers = edge_header_lines(request.get("headers"))
        return http_request(
            event,
            context,
            method=request.get("method"),
            raw_path=utf8(text_member(request, "uri") or "/"),
            prefixes=(base_path,),
            query_string=utf8(text_member(request, "querystring")),
            headers=headers,
            body=edge_body(json_object(request.get("body"), "body")),
            client_ip=request.get("clientIp"),
            host=json_object(cloudfront.get("config"), "config").get("distributionDomainName"),
            forwarded_proto=dict(headers).get(b"cloudfront-forwarded-proto"),
        )

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.lambda_at_edge(status, headers, body)


def edge_header_lines(headers: Any) -> RawHeaders:
    """CloudFront's {"name": [{"key": "Name", "value": "..."}, ...]}."""
    values = {}
    for name, lines in json_object(headers, "headers").items():
        label = f"header {name!r}"
        values[name] = [json_object(line, label).get("value") for line in json_list(lines, label)]
    return multi_header_lines(values)


def edge_body(body: dict[str, Any]) -> bytes:
    if body.get("inputTruncated"):
        # 40 KB for viewer requests, 1 MB for origin requests; the rest never reaches a function.
        raise EventError("CloudFront has cut the request body: it is longer than Lambda@Edge gets to see")
    return request_body(body.get("data"), body.get("encoding") == "base64")
