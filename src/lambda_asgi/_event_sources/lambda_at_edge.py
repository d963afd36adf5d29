"""Lambda@Edge: CloudFront's viewer requests and origin requests.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.event_source import RequestSource, wire_path
from lambda_asgi._event_sources.parts import (
    json_list,
    json_object,
    multi_header_lines,
    request_body,
    text_member,
    utf8,
)
from lambda_asgi.errors import EventError


class LambdaAtEdge(RequestSource):
    """A request trigger of a CloudFront distribution. The app responds instead of the origin."""

    name = "lambda-at-edge"

    @property
    def cloudfront(self) -> Any:
        return self.event["Records"][0]["cf"]

    def method(self) -> Any:
        return self.cloudfront["request"].get("method")

    def url_path(self) -> tuple[bytes, str]:
        return wire_path(text_member(self.cloudfront["request"], "uri") or "/")

    def query_string(self) -> bytes:
        return utf8(text_member(self.cloudfront["request"], "querystring"))

    def headers(self) -> RawHeaders:
        """Return the headers. CloudFront sends {"name": [{"key": "Name", "value": "..."}, ...]}."""
        values = {}
        fields = json_object(self.cloudfront["request"].get("headers"), "headers")
        for name, lines in fields.items():
            label = f"header {name!r}"
            values[name] = [
                json_object(line, label).get("value") for line in json_list(lines, label)
            ]
        return multi_header_lines(values)

    def body(self) -> bytes:
        """Return the body.

        Raises:
            EventError: CloudFront has cut it, or it is malformed.
        """
        body = json_object(self.cloudfront["request"].get("body"), "body")
        if body.get("inputTruncated"):
            # A function gets 40 KB of a viewer request and 1 MB of an origin request,
            # never the rest.
            raise EventError(
                "CloudFront has cut the request body: it is longer than Lambda@Edge gets to see"
            )
        return request_body(body.get("data"), body.get("encoding") == "base64")

    def client_address(self, headers: RawHeaders) -> Any:
        return self.cloudfront["request"].get("clientIp")

    def domain_name(self) -> Any:
        return json_object(self.cloudfront.get("config"), "config").get("distributionDomainName")

    def scheme(self, headers: dict[bytes, bytes]) -> str:
        viewers = headers.get(b"cloudfront-forwarded-proto") or headers.get(b"x-forwarded-proto")
        return "http" if viewers == b"http" else "https"

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.lambda_at_edge(status, headers, body, self.options)
