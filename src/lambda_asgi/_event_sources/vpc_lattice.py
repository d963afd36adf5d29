"""VPC Lattice target groups: event structure version 2, and version 1, which is still the default.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.event_source import RequestSource
from lambda_asgi._event_sources.parts import (
    decoded_path,
    header_lines,
    json_object,
    multi_header_lines,
    nearest_forwarded_for,
    query_parameters,
    request_body,
    text_member,
    undecoded_query_string,
    utf8,
)


class VPCLattice(RequestSource):
    """A VPC Lattice service.

    Its events have the query twice: encoded in the path, and as parameters.
    """

    name = "vpc-lattice"

    target_key = "path"
    parameters_key = "queryStringParameters"
    base64_key = "isBase64Encoded"

    def method(self) -> Any:
        return self.event.get("method")

    def url_path(self) -> tuple[bytes, str]:
        raw_path = self._target()[0] or b"/"
        return raw_path, decoded_path(raw_path)

    def query_string(self) -> bytes:
        _, mark, query_string = self._target()
        if mark:
            return query_string
        return undecoded_query_string(query_parameters(self.event.get(self.parameters_key)))

    def headers(self) -> RawHeaders:
        """Return the headers.

        Version 2 has lists of values. Version 1, and the examples for version 2, have strings.
        """
        fields = json_object(self.event.get("headers"), "headers")
        lists = {name: value for name, value in fields.items() if isinstance(value, list)}
        single = {name: value for name, value in fields.items() if name not in lists}
        return multi_header_lines(lists) + header_lines(single)

    def body(self) -> bytes:
        return request_body(self.event.get("body"), self.event.get(self.base64_key))

    def client_address(self, headers: RawHeaders) -> Any:
        return nearest_forwarded_for(headers)

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.alb(status, headers, body, self.options, multi_value=False)

    def _target(self) -> tuple[bytes, bytes, bytes]:
        return utf8(text_member(self.event, self.target_key)).partition(b"?")


class VPCLatticeV1(VPCLattice):
    """Version 1, with names in snake case."""

    target_key = "raw_path"
    parameters_key = "query_string_parameters"
    base64_key = "is_base64_encoded"
