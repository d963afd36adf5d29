"""The same app and event through Mangum and through our event sources.

Every difference has a name here. The tables are exact: a new difference fails a test, and so does
one that is gone. docs/events.md explains each.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES, HANDLERS
from mangum.types import LambdaHandler

from lambda_asgi._asgi import RawHeaders, Receive, Scope, Send
from lambda_asgi._event_sources import infer

EVENTS = Path(__file__).parents[2] / "events"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}
MANGUM_CONFIG: Any = {
    "api_gateway_base_path": "/",
    "text_mime_types": DEFAULT_TEXT_MIME_TYPES,
    "exclude_headers": [],
}
NO_CONTEXT: Any = None

MANGUM_RAISES = {
    *("plain_null", "plain_number"),  # TypeError
    *(
        "plain_list",
        "plain_object",
        "plain_string",
        "s3",
        "sns",
        "sqs",
        "eventbridge",
        "schedule",
    ),  # RuntimeError
    *("websocket_connect", "vpc_lattice_v1_get"),  # RuntimeError
    *("vpc_lattice_get", "vpc_lattice_post"),  # taken for an HTTP API: KeyError
    "function_url_get_no_headers",  # "headers": null: AttributeError
}
# Events that describe a request, but expect no HTTP response. Mangum lets the app serve them.
MANGUM_SERVES_WHAT_IS_NO_REQUEST = {
    "http_api_authorizer",
    "rest_api_authorizer",
    "lambda_at_edge_origin_response",
}
BOTH_SERVE = sorted(set(GOLDEN) - MANGUM_RAISES - MANGUM_SERVES_WHAT_IS_NO_REQUEST)

WITH_STAGE = {
    *(
        "rest_api_get",
        "rest_api_get_encoded_path",
        "rest_api_get_repeated_headers",
        "rest_api_get_stage_root",
    ),
    *("rest_api_post_stream_mode", "rest_api_put_binary"),
}
ALWAYS = {"asgi", "raw_path", "aws.event_source"}


class Difference(NamedTuple):
    keys: set[str]
    """Of the scope."""
    events: set[str]
    why: str


DIFFERENCES = {
    "stage in the path": Difference(
        {"path", "root_path"},
        WITH_STAGE,
        "the URL's path has the stage; ASGI's path is the URL's, root_path tells",
    ),
    "stage as root_path": Difference(
        {"root_path"},
        {"http_api_get_named_stage", "http_api_get_payload_v1"},
        "frameworks route below root_path",
    ),
    "decoded twice": Difference(
        {"path"},
        {"function_url_get_percent_in_name", "http_api_get_decoded_path"},
        "Mangum decodes a path that AWS has decoded: 100%25.txt can never be asked for",
    ),
    "not decoded": Difference(
        {"path"},
        {"lambda_at_edge_viewer_request"},
        "CloudFront's uri is percent-encoded, ASGI's path is not",
    ),
    "invented content-length": Difference(
        {"headers"},
        {
            name
            for name in BOTH_SERVE
            if name.startswith(("function_url_get", "http_api_get", "function_url_delete"))
        }
        - {"http_api_get_payload_v1"},
        "AWS adds content-length: 0 to GET and DELETE; no client sent it",
    ),
    "each value is a line": Difference(
        {"headers"},
        {"rest_api_get_repeated_headers", "lambda_at_edge_viewer_request"},
        "Mangum joins with commas, also cookies, or drops all but the first",
    ),
    "one cookie line": Difference(
        {"headers"}, {"alb_get_multi_value"}, "frameworks read one; RFC 9113 joins them by '; '"
    ),
    "length of the body": Difference(
        {"headers"},
        {"rest_api_put_binary", "rest_api_post_stream_mode"},
        "REST APIs drop content-length, and WSGI apps read nothing without it",
    ),
    "latin-1": Difference(
        {"headers"},
        {"function_url_get_non_ascii_header"},
        "the bytes of the wire, as the ASGI spec asks",
    ),
    "query as on the wire": Difference(
        {"query_string"},
        {"alb_get"},
        "ALB decodes nothing: Mangum's decoding and encoding makes a%20b to a+b",
    ),
    "client": Difference(
        {"client"},
        {"alb_get_forwarded", "alb_health_check"},
        "the one address that the load balancer vouches for; None where there is none, not ''",
    ),
    "server": Difference(
        {"server"},
        {"alb_health_check", "rest_api_get_console_test"},
        "None or the API's domain, not a host called mangum",
    ),
    "port of the scheme": Difference(
        {"server"},
        {"lambda_at_edge_viewer_request", "lambda_at_edge_origin_request_post"},
        "https without a port is 443, not 80",
    ),
}


def mangum_handler(event: Any) -> LambdaHandler:
    handler = next(
        handler for handler in HANDLERS if handler.infer(event, NO_CONTEXT, MANGUM_CONFIG)
    )
    return handler(event, NO_CONTEXT, MANGUM_CONFIG)


@pytest.mark.parametrize("name", BOTH_SERVE)
def test_scope_and_body_differ_only_where_named(name: str) -> None:
    event = GOLDEN[name]
    theirs = mangum_handler(event)
    their_scope = dict(theirs.scope)
    their_scope["headers"] = [tuple(line) for line in their_scope["headers"]]
    scope, body = infer(event).request()

    different = {
        key for key in scope.keys() | their_scope.keys() if scope.get(key) != their_scope.get(key)
    }
    assert different == ALWAYS.union(
        *(row.keys for row in DIFFERENCES.values() if name in row.events)
    )
    assert body == theirs.body


@pytest.mark.parametrize("name", sorted(MANGUM_RAISES))
def test_mangum_raises_where_we_serve(name: str) -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("Mangum has called the app")

    with pytest.raises((TypeError, RuntimeError, KeyError, AttributeError)):
        Mangum(never, lifespan="off")(GOLDEN[name], NO_CONTEXT)
    assert infer(GOLDEN[name]).request()


@pytest.mark.parametrize("name", sorted(MANGUM_SERVES_WHAT_IS_NO_REQUEST))
def test_mangum_serves_what_is_no_request(name: str) -> None:
    assert mangum_handler(GOLDEN[name]).scope["method"] == "GET"
    assert not infer(GOLDEN[name]).is_http


class Response(NamedTuple):
    status: int
    headers: RawHeaders
    body: bytes


def typed(content_type: bytes, body: bytes, *headers: tuple[bytes, bytes]) -> Response:
    return Response(200, [(b"content-type", content_type), *headers], body)


PNG = b"\x89PNG\r\n\x1a\n\x00\x00"
RESPONSES = {
    "text": typed(b"text/plain; charset=utf-8", "snow ☃".encode()),
    "json": typed(b"application/json", b'{"a": 1}'),
    "openapi": typed(b"application/vnd.oai.openapi+json", b"{}"),
    "binary": typed(b"image/png", PNG),
    "text that is not UTF-8": typed(b"text/plain; charset=latin-1", b"caf\xe9"),
    "gzip": typed(b"text/html", b"\x1f\x8b\x08\x00", (b"content-encoding", b"gzip")),
    "problem": typed(b"application/problem+json", b'{"title": "no"}'),
    "svg": typed(b"image/svg+xml", b"<svg/>"),
    "ndjson": typed(b"application/x-ndjson", b"{}\n{}\n"),
    "no type": Response(200, [], b"plain"),
    "no content": Response(204, [], b""),
    "redirect": Response(307, [(b"location", b"/there"), (b"content-length", b"0")], b""),
    "error": Response(500, [(b"content-type", b"text/plain")], b"Internal Server Error"),
    "one cookie": typed(b"text/plain", b"ok", (b"set-cookie", b"a=1")),
    "two cookies": typed(
        b"text/plain", b"ok", (b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")
    ),
    "repeated": typed(b"text/plain", b"ok", (b"vary", b"accept"), (b"vary", b"origin")),
    "repeated, one letter": typed(b"text/plain", b"ok", (b"x", b"1"), (b"x", b"2"), (b"x", b"3")),
    "upper case": Response(200, [(b"Content-Type", b"text/plain"), (b"X-Up", b"1")], b"ok"),
    "latin-1 header": typed(b"text/plain", b"ok", (b"x-name", b"caf\xe9")),
    "hop by hop": typed(
        b"text/plain", b"ok", (b"connection", b"close"), (b"transfer-encoding", b"chunked")
    ),
    "x-accel": typed(b"text/event-stream", b"data: 1\n\n", (b"x-accel-buffering", b"no")),
}

ANY = set(RESPONSES)
V2, V1, ALB_ONE, ALB_MULTI, EDGE = (
    "payload 2.0",
    "payload 1.0",
    "alb",
    "alb, multi-value",
    "lambda@edge",
)
ALL_FORMATS = (V2, V1, ALB_ONE, ALB_MULTI, EDGE)
FORMATS = {
    "function_url_get_file": V2,
    "http_api_get": V2,
    "rest_api_get": V1,
    "http_api_get_payload_v1": V1,
    "alb_get": ALB_ONE,
    "alb_get_multi_value": ALB_MULTI,
    "lambda_at_edge_viewer_request": EDGE,
}


class ResultDifference(NamedTuple):
    formats: tuple[str, ...]
    responses: set[str]
    keys: set[str]
    why: str


RESULT_DIFFERENCES = {
    "more types are text": ResultDifference(
        ALL_FORMATS,
        {"problem", "svg", "ndjson"},
        {"body", "isBase64Encoded"},
        "a REST API without binaryMediaTypes sends base64 on undecoded",
    ),
    "text without a type": ResultDifference(
        (V1, ALB_ONE, ALB_MULTI, EDGE),
        {"no type"},
        {"body", "isBase64Encoded"},
        "bytes that are UTF-8 arrive whole as text, too",
    ),
    "no invented type": ResultDifference(
        (V2,),
        {"no type", "no content", "redirect"},
        {"headers"},
        "the body of an app is not JSON unless it says so",
    ),
    "hop-by-hop headers are dropped": ResultDifference(
        (V2, V1, ALB_ONE, EDGE), {"hop by hop"}, {"headers"}, "RFC 9110 section 7.6.1"
    ),
    "hop-by-hop headers are dropped, multi-value": ResultDifference(
        (ALB_MULTI,), {"hop by hop"}, {"multiValueHeaders"}, "RFC 9110 section 7.6.1"
    ),
    "repeated headers are joined": ResultDifference(
        (ALB_ONE,),
        {"repeated", "repeated, one letter"},
        {"headers"},
        "Mangum varies the case of the name, and runs out of letters: values are lost",
    ),
    "Lambda@Edge's own format": ResultDifference(
        (EDGE,),
        ANY,
        {"status", "bodyEncoding", "isBase64Encoded"},
        "CloudFront knows bodyEncoding, not isBase64Encoded, and wants the status as a string",
    ),
    "all values at the edge": ResultDifference(
        (EDGE,),
        {"two cookies", "repeated", "repeated, one letter"},
        {"headers"},
        "Mangum keeps the last value of a name",
    ),
    "what the edge forbids": ResultDifference(
        (EDGE,), {"x-accel", "redirect"}, {"headers"}, "CloudFront answers 502 when it is set"
    ),
}
MANGUM_RAISES_ON = {"latin-1 header"}  # UnicodeDecodeError


@pytest.mark.parametrize("name", [*DIFFERENCES, *RESULT_DIFFERENCES, *MANGUM_RAISES_ON])
def test_each_difference_is_documented(name: str) -> None:
    page = (EVENTS.parent / "docs" / "events.md").read_text()
    assert f"\n| {name.partition(',')[0]} |" in page


def app_of(response: Response) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": response.status, "headers": response.headers}
        )
        await send({"type": "http.response.body", "body": response.body})

    return app


@pytest.fixture(scope="module", autouse=True)
def event_loop_for_mangum() -> Iterator[None]:
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield
    asyncio.set_event_loop(None)


@pytest.mark.parametrize("response_name", sorted(ANY - MANGUM_RAISES_ON))
@pytest.mark.parametrize("event_name", FORMATS)
def test_results_differ_only_where_named(event_name: str, response_name: str) -> None:
    event, response = GOLDEN[event_name], RESPONSES[response_name]
    theirs = Mangum(app_of(response), lifespan="off")(event, NO_CONTEXT)
    ours = infer(event).result(*response)

    different = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    named: set[str] = set().union(
        *(
            row.keys
            for row in RESULT_DIFFERENCES.values()
            if FORMATS[event_name] in row.formats and response_name in row.responses
        )
    )
    assert different == named
    json.dumps(ours)


@pytest.mark.parametrize("event_name", FORMATS)
def test_headers_beyond_utf_8_break_mangum_only(event_name: str) -> None:
    event, response = GOLDEN[event_name], RESPONSES["latin-1 header"]
    with pytest.raises(UnicodeDecodeError):
        Mangum(app_of(response), lifespan="off")(event, NO_CONTEXT)
    assert "café" in json.dumps(infer(event).result(*response), ensure_ascii=False)
