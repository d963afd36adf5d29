"""Buffered answers of each format, in full."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources import infer
from lambda_asgi.errors import EventNotHandled

EVENTS = Path(__file__).parents[2] / "events"
HEADERS: RawHeaders = [
    (b"Content-Type", b"text/html"),
    (b"vary", b"accept"),
    (b"Vary", b"origin"),
    (b"set-cookie", b"a=1; Path=/"),
    (b"set-cookie", b"b=2"),
    (b"connection", b"close"),
    (b"Transfer-Encoding", b"chunked"),
    (b"x-amz-cf-id", b"mine"),
]


def result(event_name: str, status: int, headers: RawHeaders, body: bytes) -> Any:
    event = json.loads((EVENTS / f"{event_name}.json").read_text())
    answer = infer(event).result(status, headers, body)
    assert json.loads(json.dumps(answer)) == answer
    return answer


@pytest.mark.parametrize("event_name", ["function_url_get_file", "http_api_get"])
def test_payload_2_0(event_name: str) -> None:
    assert result(event_name, 201, HEADERS, b"<p>") == {
        "statusCode": 201,
        "headers": {"content-type": "text/html", "vary": "accept,origin", "x-amz-cf-id": "mine"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "<p>",
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("event_name", ["rest_api_get", "http_api_get_payload_v1"])
def test_payload_1_0(event_name: str) -> None:
    assert result(event_name, 201, HEADERS, b"<p>") == {
        "statusCode": 201,
        "headers": {"content-type": "text/html", "x-amz-cf-id": "mine"},
        "multiValueHeaders": {"vary": ["accept", "origin"], "set-cookie": ["a=1; Path=/", "b=2"]},
        "body": "<p>",
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("event_name", ["alb_get", "vpc_lattice_get", "vpc_lattice_v1_get"])
def test_one_value_for_each_name(event_name: str) -> None:
    assert result(event_name, 201, HEADERS, b"<p>") == {
        "statusCode": 201,
        "headers": {
            "content-type": "text/html",
            "vary": "accept, origin",
            "x-amz-cf-id": "mine",
            "set-cookie": "a=1; Path=/",
            "Set-cookie": "b=2",
        },
        "body": "<p>",
        "isBase64Encoded": False,
    }


def test_a_load_balancer_with_multi_value_headers() -> None:
    assert result("alb_get_multi_value", 201, HEADERS, b"<p>") == {
        "statusCode": 201,
        "multiValueHeaders": {
            "content-type": ["text/html"],
            "vary": ["accept", "origin"],
            "set-cookie": ["a=1; Path=/", "b=2"],
            "x-amz-cf-id": ["mine"],
        },
        "body": "<p>",
        "isBase64Encoded": False,
    }


def test_lambda_at_edge() -> None:
    assert result("lambda_at_edge_viewer_request", 201, HEADERS, b"<p>") == {
        "status": "201",
        "headers": {
            "content-type": [{"key": "content-type", "value": "text/html"}],
            "vary": [{"key": "vary", "value": "accept"}, {"key": "vary", "value": "origin"}],
            "set-cookie": [
                {"key": "set-cookie", "value": "a=1; Path=/"},
                {"key": "set-cookie", "value": "b=2"},
            ],
        },
        "body": "<p>",
        "bodyEncoding": "text",
    }


@pytest.mark.parametrize(
    ("event_name", "flag", "base64", "text"),
    [
        ("function_url_get_file", "isBase64Encoded", True, False),
        ("rest_api_get", "isBase64Encoded", True, False),
        ("alb_get", "isBase64Encoded", True, False),
        ("alb_get_multi_value", "isBase64Encoded", True, False),
        ("vpc_lattice_get", "isBase64Encoded", True, False),
        ("lambda_at_edge_viewer_request", "bodyEncoding", "base64", "text"),
    ],
)
def test_bytes_that_are_no_text_are_base64(
    event_name: str, flag: str, base64: Any, text: Any
) -> None:
    cases = [
        (b"image/png", b"\x00\xff", "AP8=", base64),
        (b"application/octet-stream", b"text", "dGV4dA==", base64),
        (b"text/plain", b"caf\xe9", "Y2Fm6Q==", base64),
        (b"text/plain; charset=utf-8", "café".encode(), "café", text),
        (b"application/ld+json", b"{}", "{}", text),
        (b"application/atom+xml", b"<a/>", "<a/>", text),
        (b"application/x-ndjson", b"{}\n", "{}\n", text),
        (b"image/png", b"", "", text),
    ]
    for content_type, body, expected, expected_flag in cases:
        answer = result(event_name, 200, [(b"content-type", content_type)], body)
        assert (answer["body"], answer[flag]) == (expected, expected_flag), content_type


def test_no_value_is_lost_however_short_the_name() -> None:
    headers = [(b"x", str(n).encode()) for n in range(40)]
    assert result("alb_get", 200, headers, b"")["headers"]["x"] == ", ".join(
        str(n) for n in range(40)
    )


def test_many_cookies_differ_in_case() -> None:
    cookies = [f"c{n}={n}" for n in range(100)]
    headers = [(b"set-cookie", cookie.encode()) for cookie in cookies]
    answer = result("alb_get", 200, headers, b"")["headers"]
    assert sorted(answer.values()) == sorted(cookies)
    assert {name.lower() for name in answer} == {"set-cookie"}


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        (b"application/json", b'{"batchItemFailures": []}', {"batchItemFailures": []}),
        (b"application/json", b"null", None),
        (b"application/json", b"[1, 2.5]", [1, 2.5]),
        (b"application/json", b"not json", "not json"),
        (b"application/json", b"NaN", "NaN"),
        (b"application/json", b"[" * 100_000, "[" * 100_000),
        (b"application/json", b"1" * 5000, "1" * 5000),
        (b"text/plain; charset=utf-8", b"42", "42"),
        (b"text/plain", "snow ☃".encode(), "snow ☃"),
        (b"image/png", b"\x89PNG", "iVBORw=="),
        (b"application/json", b"", None),
        (None, b"42", 42),
        (None, b"done", "done"),
    ],
)
def test_the_body_is_the_result_of_an_event(
    content_type: bytes | None, body: bytes, value: Any
) -> None:
    headers = [(b"Content-Type", content_type)] if content_type else []
    assert infer({}).result(200, headers, body) == value


@pytest.mark.parametrize("status", [307, 404, 422, 500, 503])
def test_an_event_that_is_not_handled_fails_its_invocation(status: int) -> None:
    """A 404 for a missing route must not tell Lambda that the message may be deleted."""
    with pytest.raises(EventNotHandled, match=f"status {status}: b'why'") as caught:
        infer({}).result(status, [], b"why")
    assert caught.value.error_type == "Runtime.EventNotHandled"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_2xx_is_success(status: int) -> None:
    assert infer({}).result(status, [], b"") is None


def test_multi_value_headers_that_are_null_are_off() -> None:
    event = json.loads((EVENTS / "alb_get.json").read_text()) | {"multiValueHeaders": None}
    assert "headers" in infer(event).result(200, [], b"")
