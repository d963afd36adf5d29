"""Payload format 2.0: Lambda Function URLs and API Gateway HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.event_source import RequestSource, wire_path
from lambda_asgi._event_sources.parts import (
    encoded_again,
    header_lines,
    header_value,
    json_list,
    request_body,
    text_member,
    utf8,
)
from lambda_asgi._event_sources.stages import is_custom_domain, stage_name, without_stage


class PayloadV2(RequestSource):
    """What Function URLs and HTTP APIs have in common. They differ in the path."""

    def method(self) -> Any:
        return self.event["requestContext"]["http"].get("method")

    def query_string(self) -> bytes:
        return utf8(text_member(self.event, "rawQueryString"))

    def headers(self) -> RawHeaders:
        fields = self.event.get("headers")
        headers = header_lines(fields)
        cookies = self.event.get("cookies")
        if cookies:
            # A Function URL also leaves the Cookie header in, with its lines joined by ",", which
            # cookie parsers do not split at.
            headers = [line for line in headers if line[0] != b"cookie"]
            values = [header_value("cookie", cookie) for cookie in json_list(cookies, "cookies")]
            headers.append((b"cookie", b"; ".join(values)))
        if fields and fields.get("content-length") == "0" and self.method() in ("GET", "DELETE"):
            # AWS adds it to requests that had none (recorded). In HTTP it announces a body.
            headers.remove((b"content-length", b"0"))
        return headers

    def body(self) -> bytes:
        return request_body(self.event.get("body"), self.event.get("isBase64Encoded"))

    def client_address(self, headers: RawHeaders) -> Any:
        return self.event["requestContext"]["http"].get("sourceIp")

    def domain_name(self) -> Any:
        return self.event["requestContext"].get("domainName")

    def protocol(self) -> Any:
        return self.event["requestContext"]["http"].get("protocol")

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.payload_v2(status, headers, body, self.options)


class FunctionURL(PayloadV2):
    """A Lambda Function URL. Path and query are not decoded."""

    name = "function-url"

    def url_path(self) -> tuple[bytes, str]:
        return wire_path(text_member(self.event, "rawPath") or "/")


class HTTPAPI(PayloadV2):
    """An API Gateway HTTP API.

    It decodes the path (sometimes twice, recorded), so `path` is used as it is, and `raw_path` is
    encoded again. On the API's own domain, the first segment of the path is a named stage. On a
    custom domain the URL has the key of a mapping instead: `api_gateway_base_path`.
    """

    name = "http-api"

    def url_path(self) -> tuple[bytes, str]:
        path = text_member(self.event, "rawPath") or "/"
        context = self.event["requestContext"]
        if is_custom_domain(context):
            route = text_member(self.event, "routeKey").partition(" ")[2]
            rest = without_stage(path, stage_name(context), route, self.event.get("pathParameters"))
            if rest is not None:
                path = self.options.base_path + rest
        return encoded_again(path)

    def stage(self) -> str:
        context = self.event["requestContext"]
        return "" if is_custom_domain(context) else stage_name(context)
