"""VPC Lattice target groups, event structure version 2 and, because it is still the default, version 1.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
"""

from typing import Any

from lambda_asgi import buffered
from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.event_sources.alb import undecoded_query_string
from lambda_asgi.event_sources.source import EventSource
from lambda_asgi.scope import (
    decoded_path,
    header_lines,
    http_scope,
    json_object,
    mount_point,
    multi_header_lines,
    nearest_forwarded_for,
    request_body,
    text_member,
    utf8,
)


class VPCLattice(EventSource):
    """A VPC Lattice service. Its events carry the query twice: in the path, as on the wire, and as parameters."""

    name = "vpc-lattice"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        version_1 = "raw_path" in event
        target = text_member(event, "raw_path" if version_1 else "path")
        raw_target, mark, query = utf8(target).partition(b"?")
        raw_path = raw_target or b"/"
        path = decoded_path(raw_path)
        headers = lattice_header_lines(event.get("headers"))
        if not mark:
            key = "query_string_parameters" if version_1 else "queryStringParameters"
            query = undecoded_query_string(json_object(event.get(key), key))
        body = request_body(event.get("body"), event.get("is_base64_encoded" if version_1 else "isBase64Encoded"))
        scope = http_scope(
            event,
            context,
            method=event.get("method"),
            path=path,
            raw_path=raw_path,
            query_string=query,
            headers=headers,
            body=body,
            client_ip=nearest_forwarded_for(headers),
            root_path=mount_point(path, base_path),
        )
        return scope, body

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        return buffered.alb(status, headers, body, multi_value=False)


def lattice_header_lines(headers: Any) -> RawHeaders:
    """Version 2 has lists of values; version 1, and the examples for version 2, have strings."""
    fields = json_object(headers, "headers")
    lists = {name: value for name, value in fields.items() if isinstance(value, list)}
    single = {name: value for name, value in fields.items() if name not in lists}
    return multi_header_lines(lists) + header_lines(single)
