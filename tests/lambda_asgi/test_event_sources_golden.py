"""Every golden event in events/: which source it is, and the request that comes out of it."""

import copy
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lambda_asgi import __version__
from lambda_asgi._event_sources import EventOptions, infer

EVENTS = Path(__file__).parents[2] / "events"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}

URL = ("abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws", 443)
HTTP_API = ("a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", 443)
REST_API = ("f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com", 443)
ALB = ("alb-1316758055.eu-west-1.elb.amazonaws.com", 80)
LATTICE = ("files-0a40eebed65f8d69c.7d67968.vpc-lattice-svcs.eu-west-1.on.aws", 443)
EDGE = ("d123.cloudfront.net", 443)
CLIENT = ("203.0.113.7", 0)


class Request(NamedTuple):
    source: str
    method: str
    path: str
    raw_path: bytes
    server: tuple[str, int] | None
    query: bytes = b""
    root_path: str = ""
    client: tuple[str, int] | None = CLIENT
    scheme: str = "https"
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Some that are among the scope's, each with all its lines."""
    absent: tuple[bytes, ...] = ()


def url(method: str, path: str, raw_path: bytes | None = None, **more: Any) -> Request:
    return Request("function-url", method, path, raw_path or path.encode(), URL, **more)


REQUESTS = {
    "function_url_get_file": url("GET", "/files/hello.txt", absent=(b"content-length", b"cookie")),
    "function_url_get_encoded_path": url(
        "GET",
        "/files/a/b/☃/space here",
        b"/files/a%2Fb/%E2%98%83/space%20here",
        query=b"dup=one&dup=two%2Cthree&plus=a+b&encoded=a%2Bb&empty=&bare&%65nc=one&enc=two",
    ),
    "function_url_get_percent_in_name": url(
        "GET", "/files/100% %2Fdone.txt", b"/files/100%25%20%252Fdone.txt"
    ),
    "function_url_get_invalid_escapes": url(
        "GET", "/files/%ZZ/50%/\ufffd\ufffd(", b"/files/%ZZ/50%/%FF%C3%28"
    ),
    "function_url_get_cookies": url("GET", "/", headers=((b"cookie", b"a=1; b=two; c=3"),)),
    # AWS doubles the list when the client's spelling varies (recorded). Such a list looks like one
    # that was sent.
    "function_url_get_repeated_header": url(
        "GET", "/", headers=((b"x-repeat", b"one,two,three,one,two,three"),)
    ),
    "function_url_get_non_ascii_header": url(
        "GET", "/", headers=((b"x-latin", b"caf\xe9"), (b"x-snow", "snow ☃".encode()))
    ),
    "function_url_get_nulls": url("GET", "/"),
    "function_url_get_no_headers": url("GET", "/healthz", absent=(b"host",)),
    # The peer is CloudFront; what the viewer's header claims is for the app to judge.
    "function_url_get_behind_cloudfront": url(
        "GET", "/api/files/hello.txt", headers=((b"x-forwarded-for", b"198.51.100.20"),)
    ),
    "function_url_get_iam": url("GET", "/files/"),
    "function_url_head": url("HEAD", "/files/hello.txt"),
    "function_url_delete": url("DELETE", "/files/old.txt", absent=(b"content-length",)),
    "function_url_options_preflight": url(
        "OPTIONS", "/files/", headers=((b"origin", b"https://app.example"),)
    ),
    "function_url_post_json": url("POST", "/items", body='{"name":"Zoë","note":"snow ☃"}'.encode()),
    "function_url_post_binary": url("POST", "/files/blob.bin", body=bytes(range(256))),
    "function_url_post_empty": url("POST", "/digests/", headers=((b"content-length", b"0"),)),
    "function_url_patch_merge": url("PATCH", "/files/hello.txt", body=b'{"a":null}'),
    "http_api_get": Request(
        "http-api",
        "GET",
        "/items",
        b"/items",
        HTTP_API,
        query=b"repeat=one&repeat=two&redirect=https%3A%2F%2Fexample.com%2Fa%2Fb&plus=a+b",
        absent=(b"content-length",),
    ),
    "http_api_get_decoded_path": Request(
        "http-api",
        "GET",
        "/files/space value#λ-世界/100%25",
        b"/files/space%20value%23%CE%BB-%E4%B8%96%E7%95%8C/100%2525",
        HTTP_API,
    ),
    "http_api_get_named_stage": Request(
        "http-api", "GET", "/prod/items/7", b"/prod/items/7", HTTP_API, root_path="/prod"
    ),
    "http_api_get_custom_domain": Request(
        "http-api", "GET", "/shop/items/7", b"/shop/items/7", ("api.example.com", 443)
    ),
    "http_api_get_cookies": Request(
        "http-api",
        "GET",
        "/items",
        b"/items",
        HTTP_API,
        headers=((b"cookie", b"session=abc123; theme=dark"),),
    ),
    "http_api_post_form": Request(
        "http-api", "POST", "/login", b"/login", HTTP_API, body=b"user=zo%C3%AB&pin=1"
    ),
    "http_api_get_payload_v1": Request(
        "http-api",
        "GET",
        "/prod/items/space value",
        b"/prod/items/space%20value",
        REST_API,
        root_path="/prod",
    ),
    "rest_api_get": Request(
        "rest-api", "GET", "/live/items", b"/live/items", REST_API, root_path="/live"
    ),
    "rest_api_get_stage_root": Request(
        "rest-api", "GET", "/live/", b"/live/", REST_API, root_path="/live"
    ),
    "rest_api_get_encoded_path": Request(
        "rest-api",
        "GET",
        "/live/files/space value/a/b/λ",
        b"/live/files/space%20value/a%2Fb/%CE%BB",
        REST_API,
        query=(
            b"empty=&encodedPlus=a%2Bb&literalPlus=a+b&redirect=https%3A%2F%2Fexample.com%2Fa%2Fb"
            b"&repeat=one&repeat=two"
            b"&%D0%BA%D0%BB%D1%8E%D1%87=%D0%B7%D0%BD%D0%B0%D1%87%D0%B5%D0%BD%D0%B8%D0%B5"
        ),
        root_path="/live",
    ),
    "rest_api_get_custom_domain": Request(
        "rest-api", "GET", "/shop/items/7", b"/shop/items/7", ("api.example.com", 443)
    ),
    "rest_api_get_repeated_headers": Request(
        "rest-api",
        "GET",
        "/live/items",
        b"/live/items",
        REST_API,
        root_path="/live",
        headers=(
            (b"x-repeat", b"first"),
            (b"x-repeat", b"second"),
            (b"cookie", b"session=abc123; theme=dark; c=3"),
        ),
    ),
    "rest_api_get_console_test": Request(
        "rest-api",
        "GET",
        "/items",
        b"/items",
        ("testPrefix.testDomainName", 443),
        client=("test-invoke-source-ip", 0),
    ),
    "rest_api_post_stream_mode": Request(
        "rest-api",
        "POST",
        "/live/chat",
        b"/live/chat",
        REST_API,
        root_path="/live",
        body='{"prompt":"Erzähl mehr"}'.encode(),
    ),
    "rest_api_put_binary": Request(
        "rest-api",
        "PUT",
        "/live/files/blob.bin",
        b"/live/files/blob.bin",
        REST_API,
        root_path="/live",
        body=b"\x00\xff\x10 binary",
    ),
    "alb_get": Request(
        "alb",
        "GET",
        "/files/space value",
        b"/files/space%20value",
        ALB,
        query=b"redirect=https%3A%2F%2Fexample.com%2Fa%2Fb&plus=a+b&space=a%20b&key%5B%5D=1&empty=",
        scheme="http",
    ),
    "alb_get_multi_value": Request(
        "alb",
        "GET",
        "/files/a/b",
        b"/files/a%2Fb",
        ALB,
        query=b"repeat=one&repeat=two&encodedPlus=a%2Bb&literalPlus=a+b",
        scheme="http",
        headers=(
            (b"x-repeat", b"first"),
            (b"x-repeat", b"second"),
            (b"cookie", b"session=abc123; theme=dark"),
        ),
    ),
    "alb_get_forwarded": Request(
        "alb", "GET", "/files/", b"/files/", (ALB[0], 443), client=("2001:db8::7", 0)
    ),
    "alb_health_check": Request("alb", "GET", "/healthz", b"/healthz", None, client=None),
    "alb_post_binary": Request(
        "alb",
        "POST",
        "/files/blob.bin",
        b"/files/blob.bin",
        ALB,
        scheme="http",
        body=b"\x00\xff\xfe\x01",
    ),
    "lambda_at_edge_viewer_request": Request(
        "lambda-at-edge",
        "GET",
        "/files/space value",
        b"/files/space%20value",
        EDGE,
        query=b"repeat=one&repeat=two%2Cthree",
        client=("203.0.113.178", 0),
        headers=((b"x-repeat", b"first"), (b"x-repeat", b"second"), (b"cookie", b"a=1; b=2")),
    ),
    "lambda_at_edge_origin_request_post": Request(
        "lambda-at-edge",
        "POST",
        "/items",
        b"/items",
        EDGE,
        client=("203.0.113.178", 0),
        body='{"name":"Zoë"}'.encode(),
    ),
    "vpc_lattice_get": Request(
        "vpc-lattice",
        "GET",
        "/files/space value",
        b"/files/space%20value",
        LATTICE,
        query=b"repeat=one&repeat=two&plus=a+b",
        client=("10.0.1.17", 0),
        headers=((b"x-repeat", b"first"), (b"x-repeat", b"second")),
    ),
    "vpc_lattice_post": Request(
        "vpc-lattice",
        "POST",
        "/items",
        b"/items",
        LATTICE,
        client=("10.0.1.17", 0),
        body=b'{"a": 1}',
    ),
    "vpc_lattice_v1_get": Request(
        "vpc-lattice",
        "GET",
        "/files/",
        b"/files/",
        LATTICE,
        query=b"limit=10",
        client=("10.0.1.17", 0),
    ),
}

NON_HTTP_EVENTS = {
    *("sqs", "s3", "sns", "eventbridge", "schedule"),
    *("plain_object", "plain_string", "plain_list", "plain_null", "plain_number"),
    # These look like HTTP requests, but want another answer than a response.
    *(
        "rest_api_authorizer",
        "http_api_authorizer",
        "websocket_connect",
        "lambda_at_edge_origin_response",
    ),
}


def test_every_golden_event_has_its_expectation() -> None:
    assert set(GOLDEN) == set(REQUESTS) | NON_HTTP_EVENTS


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name: str) -> None:
    event, expected, context = GOLDEN[name], REQUESTS[name], object()
    pristine = copy.deepcopy(event)
    source = infer(event, context)
    scope, body = source.request()

    assert source.name == expected.source
    headers = scope.pop("headers")
    names = {line[0] for line in expected.headers}
    assert [line for line in headers if line[0] in names] == list(expected.headers)
    assert not {line[0] for line in headers} & set(expected.absent)
    assert all(
        type(line) is tuple and [type(part) for part in line] == [bytes, bytes] for line in headers
    )
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": expected.method,
        "scheme": expected.scheme,
        "path": expected.path,
        "raw_path": expected.raw_path,
        "query_string": expected.query,
        "root_path": expected.root_path,
        "client": expected.client,
        "server": expected.server,
        "aws.event": event,
        "aws.event_source": expected.source,
        "aws.context": context,
    }
    assert scope["aws.event"] is event
    assert event == pristine, "the event is the app's to read: it stays as Lambda sent it"
    assert body == expected.body


@pytest.mark.parametrize("name", sorted(NON_HTTP_EVENTS))
def test_what_is_no_http_request_is_posted_as_json(name: str) -> None:
    event = GOLDEN[name]
    source = infer(
        event, None, EventOptions(event_path="/a%2Fb/événements", event_host="api.example.com")
    )
    scope, body = source.request()

    assert not source.is_http
    assert source.name == "non-http"
    assert (scope["method"], scope["path"]) == ("POST", "/a/b/événements")
    assert scope["raw_path"] == "/a%2Fb/événements".encode()
    assert scope["headers"] == [
        (b"host", b"api.example.com"),
        (b"user-agent", f"lambda-asgi/{__version__}".encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    assert (scope["client"], scope["server"]) == (("127.0.0.1", 0), ("api.example.com", 443))
    assert (scope["query_string"], scope["aws.event_source"]) == (b"", "non-http")
    assert json.loads(body) == event
    assert scope["aws.event"] == event


def test_events_go_to_slash_events_unless_told_otherwise() -> None:
    assert infer(None).request()[0]["path"] == "/events"
