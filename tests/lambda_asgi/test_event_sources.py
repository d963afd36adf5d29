"""Which source an event is, its root path, and what happens to events that cannot be served."""

import ast
import copy
import json
from pathlib import Path
from typing import Any

import pytest

import lambda_asgi._event_sources
from lambda_asgi._event_sources import EventOptions, infer
from lambda_asgi.errors import EventError, EventNotHandled, EventPathForbidden

EVENTS = Path(__file__).parents[2] / "events"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}


@pytest.mark.parametrize(
    ("domain", "source"),
    [
        ("abc.lambda-url.eu-west-1.on.aws", "function-url"),
        ("abc.lambda-url.cn-north-1.on.amazonaws.com.cn", "function-url"),
        ("abc.execute-api.eu-west-1.amazonaws.com", "http-api"),
        ("api.example.com", "http-api"),
        ("lambda-url.example.com", "http-api"),
        (None, "http-api"),  # sure to be answered, as a buffered answer always is
        (7, "http-api"),
    ],
)
def test_the_domain_tells_a_function_url_from_an_http_api(domain: Any, source: str) -> None:
    event = copy.deepcopy(GOLDEN["function_url_get_file"])
    event["requestContext"]["domainName"] = domain
    assert infer(event).name == source


@pytest.mark.parametrize(
    ("name", "base_path", "root_path"),
    [
        ("function_url_get_behind_cloudfront", "/api", "/api"),
        ("function_url_get_behind_cloudfront", "api/", "/api"),
        ("function_url_get_behind_cloudfront", "/ap", ""),
        ("function_url_get_file", "/api", ""),
        ("http_api_get_custom_domain", "/shop", "/shop"),
        ("http_api_get_named_stage", "/items", "/prod/items"),
        ("rest_api_get_custom_domain", "/shop", "/shop"),
        ("rest_api_get", "/items", "/live/items"),
        ("rest_api_get", "/live", "/live"),
        ("alb_get", "/files", "/files"),
        ("lambda_at_edge_viewer_request", "/files", "/files"),
        ("vpc_lattice_get", "/files", "/files"),
        ("http_api_get_payload_v1", "/items", "/prod/items"),
    ],
)
def test_base_path_becomes_the_root_path(name: str, base_path: str, root_path: str) -> None:
    event = GOLDEN[name]
    scope, _ = infer(event, None, EventOptions(base_path=base_path)).request()
    assert scope["root_path"] == root_path
    assert scope["path"].startswith(root_path), "the path keeps its prefix, as the ASGI spec says"


@pytest.mark.parametrize(
    ("full_path", "path", "root_path", "wire_path"),
    [
        ("/live/", "/", "/live", b"/live/"),
        ("/live", "/", "/live", b"/live/"),
        ("/live/live", "/live", "/live", b"/live/live"),
        ("/live/live", "/live/live", "", b"/live/live"),
        (None, "/items", "", b"/items"),
        ("/other", "/items", "", b"/items"),
        ("/v%C3%A9/items", "/items", "/vé", b"/v%C3%A9/items"),
        ("/live/items", None, "", b"/"),
    ],
)
def test_a_rest_api_tells_its_stage_by_two_paths(
    full_path: Any, path: Any, root_path: str, wire_path: bytes
) -> None:
    event = copy.deepcopy(GOLDEN["rest_api_get"])
    event["path"], event["requestContext"]["path"] = path, full_path
    scope, _ = infer(event).request()
    assert (scope["root_path"], scope["raw_path"]) == (root_path, wire_path)


def changed(name: str, *keys: Any, to: Any) -> Any:
    event = copy.deepcopy(GOLDEN[name])
    target = event
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = to
    return event


EDGE_REQUEST = ("Records", 0, "cf", "request")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (changed("function_url_get_file", "rawPath", to=7), "rawPath is a number"),
        (changed("function_url_get_file", "rawQueryString", to={}), "rawQueryString is an object"),
        (changed("function_url_get_file", "cookies", to="a=1"), "cookies is a string, not a list"),
        (changed("function_url_get_file", "cookies", to=[1]), "header 'cookie' is a number"),
        (changed("function_url_get_file", "headers", to=["a"]), "headers is a list"),
        (
            changed("function_url_get_file", "requestContext", "http", "method", to=None),
            "HTTP method is missing",
        ),
        (changed("function_url_post_binary", "body", to="not base64!"), "not: "),
        (changed("function_url_post_binary", "body", to={}), "body is an object"),
        (changed("http_api_get", "rawPath", to=[]), "rawPath is a list"),
        (changed("rest_api_get", "path", to=[]), "path is a list"),
        (changed("rest_api_get", "requestContext", "path", to=1), "path is a number"),
        (
            changed("rest_api_get", "requestContext", "identity", to="me"),
            "requestContext.identity is a string",
        ),
        (changed("rest_api_get", "multiValueHeaders", to=["a"]), "multiValueHeaders is a list"),
        (
            changed("rest_api_get", "multiValueHeaders", to={"a": "b"}),
            "header 'a' is a string, not a list",
        ),
        (
            changed("rest_api_get", "multiValueQueryStringParameters", to={"a": [1]}),
            "query parameter 'a' is a number",
        ),
        (
            changed("rest_api_get", "queryStringParameters", to={"a": 1}),
            "query parameter 'a' is a number",
        ),
        (
            changed("alb_get", "queryStringParameters", to={"a": None}),
            "query parameter 'a' is missing or null",
        ),
        (changed("alb_get", "queryStringParameters", to=[1]), "query parameters is a list"),
        (changed("alb_get", "httpMethod", to=1), "HTTP method is a number"),
        (changed("vpc_lattice_get", "headers", to={"a": [1]}), "header 'a' is a number"),
        (changed("vpc_lattice_get", "path", to=1), "path is a number"),
        (changed("lambda_at_edge_viewer_request", *EDGE_REQUEST, "uri", to=1), "uri is a number"),
        (
            changed("lambda_at_edge_viewer_request", *EDGE_REQUEST, "headers", to=1),
            "event's headers is",
        ),
        (
            changed("lambda_at_edge_origin_request_post", *EDGE_REQUEST, "body", to=1),
            "event's body is",
        ),
        (
            {"Records": [{"cf": {"config": 1, "request": {"method": "GET"}}}]},
            "event's config is a number",
        ),
        (
            changed("lambda_at_edge_viewer_request", *EDGE_REQUEST, "headers", to={"a": "b"}),
            "header 'a' is a string",
        ),
        (
            changed("lambda_at_edge_viewer_request", *EDGE_REQUEST, "headers", to={"a": ["b"]}),
            "header 'a' is a string",
        ),
        (
            changed(
                "lambda_at_edge_origin_request_post",
                *EDGE_REQUEST,
                "body",
                "inputTruncated",
                to=True,
            ),
            "^CloudFront has cut the request body: it is longer than Lambda@Edge gets to see$",
        ),
        (float("nan"), "cannot be written as JSON"),
    ],
)
def test_events_that_cannot_be_served_say_why(event: Any, message: str) -> None:
    with pytest.raises(EventError, match=message):
        infer(event).request()


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": None},
        {"requestContext": []},
        {"requestContext": {}},
        {"requestContext": {"http": None}, "rawPath": "/"},
        {"requestContext": {"http": {}}},  # no rawPath
        {"Records": None},
        {"Records": []},
        {"Records": [None]},
        {"Records": [{"cf": None}]},
        {"Records": [{"cf": {"request": None}}]},
        {"Records": {"0": {"cf": {"request": {}}}}},
        {"version": "2.0", "requestContext": {"serviceArn": "arn"}},
        {"httpMethod": "GET", "path": "/"},
    ],
)
def test_near_misses_are_no_http_requests(event: Any) -> None:
    source = infer(event)
    assert not source.is_http
    assert json.loads(source.request()[1]) == event


@pytest.mark.parametrize("key", ["connectionId", "eventType"])
def test_only_both_keys_together_are_of_a_websocket(key: str) -> None:
    event = changed("rest_api_get", "requestContext", key, to="x")
    assert infer(event).name == "rest-api"


def test_vpc_lattice_payloads_are_told_apart_by_the_name_of_the_path() -> None:
    event = GOLDEN["vpc_lattice_v1_get"] | {
        "requestContext": {"serviceArn": "arn"},
        "path": "/other",
    }
    scope, _ = infer(event).request()
    assert scope["raw_path"] == event["raw_path"].partition("?")[0].encode()


@pytest.mark.parametrize("event", [None, [1], {"detail": 1}])
def test_an_event_that_is_no_request_has_its_context_too(event: Any) -> None:
    scope, _ = infer(event, "context").request()
    assert (scope["aws.event"], scope["aws.context"]) == (event, "context")


@pytest.mark.parametrize(
    ("fields", "scheme"),
    [
        ({"cloudfront-forwarded-proto": "http"}, "http"),
        ({"x-forwarded-proto": "http"}, "http"),
        ({"cloudfront-forwarded-proto": "https", "x-forwarded-proto": "http"}, "https"),
        ({"cloudfront-forwarded-proto": "http", "x-forwarded-proto": "https"}, "http"),
        ({}, "https"),
    ],
)
def test_the_scheme_of_a_viewer(fields: dict[str, str], scheme: str) -> None:
    headers = {name: [{"key": name, "value": value}] for name, value in fields.items()}
    event = changed("lambda_at_edge_viewer_request", *EDGE_REQUEST, "headers", to=headers)
    made, _ = infer(event).request()
    assert made["scheme"] == scheme
    config = event["Records"][0]["cf"]["config"]
    assert made["server"][0] == config["distributionDomainName"]


def test_a_body_is_compact_json() -> None:
    assert infer({"a": [1, "ä"]}).request()[1] == b'{"a":[1,"\\u00e4"]}'


def test_a_status_that_is_no_success_is_told_with_the_start_of_the_body() -> None:
    with pytest.raises(EventNotHandled) as caught:
        infer([1]).result(300, [], b"x" * 1001)
    assert str(caught.value) == f"the app answered the event with status 300: {b'x' * 1000!r}"


def test_a_request_that_poses_as_an_event_is_told_how_to_be_allowed() -> None:
    event = changed("function_url_post_json", "rawPath", to="/events")
    with pytest.raises(EventPathForbidden) as caught:
        infer(event).request()
    assert str(caught.value) == (
        "an HTTP request may not POST to /events, where non-HTTP events go: "
        "set allow_http_events=True, or another LAMBDA_ASGI_EVENT_PATH"
    )


@pytest.mark.parametrize("path", [None, ""])
def test_an_edge_request_without_a_path_is_for_the_root(path: Any) -> None:
    event = changed("lambda_at_edge_viewer_request", *EDGE_REQUEST, "uri", to=path)
    assert infer(event).request()[0]["raw_path"] == b"/"


@pytest.mark.parametrize("path", [None, ""])
def test_a_load_balancers_request_without_a_path_is_for_the_root(path: Any) -> None:
    scope, _ = infer(changed("alb_get", "path", to=path)).request()
    assert (scope["raw_path"], scope["path"]) == (b"/", "/")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("function_url_get_file", ["rawPath"]),
        ("http_api_get_custom_domain", ["rawPath"]),
        ("http_api_get_payload_v1", ["path"]),
        ("rest_api_get_custom_domain", ["path"]),
        ("vpc_lattice_get", ["path"]),
    ],
)
@pytest.mark.parametrize("path", [None, ""])
def test_any_request_without_a_path_is_for_the_root(name: str, keys: list[str], path: Any) -> None:
    event = changed(name, *keys, to=path)
    if name.startswith("rest"):
        event["requestContext"]["path"] = "/"
    scope, _ = infer(event).request()
    assert (scope["raw_path"], scope["path"]) == (b"/", "/")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("function_url_get_file", ["requestContext", "http", "protocol"]),
        ("http_api_get_payload_v1", ["requestContext", "protocol"]),
        ("rest_api_get", ["requestContext", "protocol"]),
    ],
)
@pytest.mark.parametrize(
    ("protocol", "version"),
    [("HTTP/1.0", "1.0"), ("HTTP/1.1", "1.1"), ("HTTP/2.0", "2"), ("x", "1.1"), (None, "1.1")],
)
def test_the_version_of_http_is_the_clients(
    name: str, keys: list[str], protocol: Any, version: str
) -> None:
    scope, _ = infer(changed(name, *keys, to=protocol)).request()
    assert scope["http_version"] == version


@pytest.mark.parametrize(
    ("multi", "single", "headers"),
    [
        ({"A": ["1", "2"]}, {"A": "2"}, [(b"a", b"1"), (b"a", b"2")]),
        ({"A": ["1"]}, {"A": "1", "b": "3"}, [(b"a", b"1"), (b"b", b"3")]),
        ({"A": ["1"]}, {"a": "2"}, [(b"a", b"1")]),
        ({"A": ["1"]}, None, [(b"a", b"1")]),
        (None, {"A": "2"}, [(b"a", b"2")]),
        ({"X-\u00c9": ["\u00fe"]}, None, [("x-\u00e9".encode("latin-1"), b"\xfe")]),
        ({"cookie": ["a=1"]}, None, [(b"cookie", b"a=1")]),
        ({"cookie": ["a=1", "b=2"]}, None, [(b"cookie", b"a=1; b=2")]),
    ],
)
def test_the_headers_of_both_kinds(multi: Any, single: Any, headers: list[Any]) -> None:
    event = changed("rest_api_get", "multiValueHeaders", to=multi)
    event["headers"] = single
    assert infer(event).request()[0]["headers"] == headers


def test_the_query_of_a_rest_api_is_encoded_again_whatever_it_holds() -> None:
    event = changed("rest_api_get", "multiValueQueryStringParameters", to={"a b": ["\ud800", "&"]})
    assert infer(event).request()[0]["query_string"] == b"a+b=%ED%A0%80&a+b=%26"


def test_headers_of_vpc_lattice_that_are_no_object_are_named() -> None:
    with pytest.raises(EventError, match="headers"):
        infer(changed("vpc_lattice_get", "headers", to=[1])).request()


@pytest.mark.parametrize("name", ["alb_get", "vpc_lattice_post"])
@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({"a b": "c d"}, b"a%20b=c%20d"),
        ({"a": "1#2"}, b"a=1%232"),
        ({"a": "☃"}, b"a=%E2%98%83"),
        ({"a": "%E2%98%83%"}, b"a=%E2%98%83%"),
        ({"a": "\ud800"}, b"a=%ED%A0%80"),
        (None, b""),
        ({}, b""),
    ],
)
def test_undecoded_parameters_are_put_together_again(
    name: str, parameters: Any, query: bytes
) -> None:
    event = changed(name, "queryStringParameters", to=parameters)
    assert infer(event).request()[0]["query_string"] == query


IMPURE = {
    "asyncio",
    "socket",
    "os",
    "logging",
    "time",
    "random",
    "threading",
    "subprocess",
    "sys",
    "io",
    "pathlib",
}


def pure_modules() -> list[Path]:
    return [*Path(lambda_asgi._event_sources.__file__).parent.glob("*.py")]


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: path.name)
def test_pure(path: Path) -> None:
    """No I/O, no clock, no environment, and no import that a cold start does not need."""
    tree = ast.parse(path.read_text())
    everywhere = {name for node in ast.walk(tree) for name in imported(node)}
    at_once = {name for node in tree.body for name in imported(node)}
    assert not everywhere & IMPURE
    assert at_once <= {"lambda_asgi", "typing", "abc", "collections", "functools", "json", "re"}
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree))


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {(node.module or "").partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()
