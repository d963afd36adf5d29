"""VPC Lattice target groups, event structure version 2 and, because it is still the default, version 1.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.http_scope import (
    header_lines,
    http_request,
    json_object,
    multi_header_lines,
    nearest_forwarded_for,
    query_parameters,
    request_body,
    text_member,
    undecoded_query_string,
    utf8,
)
from lambda_asgi._event_sources.source import EventSource


class VPCLattice(EventSource):
    """A VPC Lattice service. Its events carry the query twice: in the path, as on the wire, and as parameters."""

    name = "vpc-lattice"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        if "raw_path" in event:  # version 1
            target, parameters, is_base64 = "raw_path", "query_string_parameters", "is_base64_encoded"
        else:
            target, parameters, is_base64 = "path", "queryStringParameters", "isBase64Encoded"
        raw_path, mark, query_string = utf8(text_member(event, target)).partition(b"?")
        headers = lattice_header_lines(event.get("headers"))
        return http_request(
            event,
            context,
            method=event.get("method"),
            raw_path=raw_path or b"/",
            prefixes=(base_path,),
            query_string=query_string if mark else undecoded_query_string(query_parameters(event.get(parameters))),
            headers=headers,
            body=request_body(event.get("body"), event.get(is_base64)),
            client_ip=nearest_forwarded_for(headers),
        )

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return results.alb(status, headers, body, multi_value=False)


def lattice_header_lines(headers: Any) -> RawHeaders:
    """Version 2 has lists of values; version 1, and the examples for version 2, have strings."""
    fields = json_object(headers, "headers")
    lists = {name: value for name, value in fields.items() if isinstance(value, list)}
    single = {name: value for name, value in fields.items() if name not in lists}
    return multi_header_lines(lists) + header_lines(single)
