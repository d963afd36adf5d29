"""Payload format 1.0: API Gateway REST APIs, and HTTP APIs that are set to it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.event_source import RequestSource, wire_path
from lambda_asgi._event_sources.parts import (
    decoded_path,
    json_object,
    merged_header_lines,
    query_parameters,
    request_body,
    text_member,
    utf8,
)
from lambda_asgi._event_sources.stages import is_custom_domain, stage_name


class PayloadV1(RequestSource):
    """What REST APIs and HTTP APIs have in common. They differ in the path."""

    def method(self) -> Any:
        return self.event.get("httpMethod")

    def query_string(self) -> bytes:
        """Return the query, encoded again.

        API Gateway decodes it, so the original order and spelling are lost.
        """
        event = self.event
        parameters = query_parameters(
            event.get("multiValueQueryStringParameters"), event.get("queryStringParameters")
        )
        if not parameters:
            return b""
        from urllib.parse import urlencode

        return urlencode(parameters, errors="surrogatepass").encode()

    def headers(self) -> RawHeaders:
        return merged_header_lines(self.event)

    def body(self) -> bytes:
        return request_body(self.event.get("body"), self.event.get("isBase64Encoded"))

    def client_address(self, headers: RawHeaders) -> Any:
        identity = self.event["requestContext"].get("identity")
        return json_object(identity, "requestContext.identity").get("sourceIp")

    def domain_name(self) -> Any:
        return self.event["requestContext"].get("domainName")

    def protocol(self) -> Any:
        return self.event["requestContext"].get("protocol")

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.payload_v1(status, headers, body, self.options)


class RESTAPI(PayloadV1):
    """An API Gateway REST API. The path is not decoded. Only `requestContext` has the stage."""

    name = "rest-api"

    def url_path(self) -> tuple[bytes, str]:
        return wire_path(self._stage_prefix() + (text_member(self.event, "path") or "/"))

    def stage(self) -> str:
        return decoded_path(utf8(self._stage_prefix()))

    def _stage_prefix(self) -> str:
        """Return what the full path has before `path`: "/prod" for "/prod/items" and "/items".

        On a custom domain both are the same, because the URL does not have the stage.
        """
        path = text_member(self.event, "path") or "/"
        full_path = text_member(self.event["requestContext"], "path")
        if full_path.endswith(path):
            return full_path[: -len(path)]
        return full_path if path == "/" and "/" not in full_path[1:] else ""


class HTTPAPIPayloadV1(PayloadV1):
    """An API Gateway HTTP API that is set to payload format 1.0.

    The path is not decoded (recorded). On the API's own domain it begins with a named stage, as in
    2.0. On a custom domain it is the URL's.
    """

    name = "http-api"

    def url_path(self) -> tuple[bytes, str]:
        return wire_path(text_member(self.event, "path") or "/")

    def stage(self) -> str:
        context = self.event["requestContext"]
        return "" if is_custom_domain(context) else stage_name(context)
