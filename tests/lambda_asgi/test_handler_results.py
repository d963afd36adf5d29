"""A handler's result as a response: as Function URLs read it."""

from typing import Any

import pytest

from lambda_asgi._handler_mode.results import NOT_KEPT, response_of

JSON = [(b"content-type", b"application/json")]


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("text", b"text"),
        ({"a": "\u00fc"}, '{"a": "\u00fc"}'.encode()),
        ([1, None], b"[1, null]"),
        (None, b"null"),
        ({"body": "no status"}, b'{"body": "no status"}'),
    ],
)
def test_what_is_no_response_is_the_body_of_a_200(result: Any, body: bytes) -> None:
    assert response_of(result) == (200, JSON, body)


@pytest.mark.parametrize(
    ("result", "headers", "body"),
    [
        ({}, [], b""),
        ({"headers": None, "body": None}, [], b""),
        (
            {"headers": {"X-A": "1", "b": True, "c": 2}},
            [(b"x-a", b"1"), (b"b", b"true"), (b"c", b"2")],
            b"",
        ),
        (
            {"headers": {"A": "1", "b": "\xfe"}, "multiValueHeaders": {"a": ["2", False]}},
            [(b"b", b"\xfe"), (b"a", b"2"), (b"a", b"false")],
            b"",
        ),
        ({"cookies": ["a=1", "b=2"]}, [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], b""),
        ({"body": "YWI=", "isBase64Encoded": True}, [], b"ab"),
        ({"body": "YWI=", "isBase64Encoded": False}, [], b"YWI="),
        ({"body": {"a": 1}}, [], b'{"a": 1}'),
    ],
)
def test_an_object_with_a_status_is_a_response(
    result: dict[str, Any], headers: list[Any], body: bytes
) -> None:
    assert response_of({"statusCode": 201, **result}) == (201, headers, body)
    assert response_of({"statusCode": "201", **result}).status == 201


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({NOT_KEPT: 1}, "it repeats a streamed response, whose body was too large to keep"),
        ({"statusCode": None}, "int() argument must be a string"),
        ({"headers": [1]}, "'list' object has no attribute 'items'"),
        ({"headers": {"a": "\u2603"}}, "'latin-1' codec can't encode character"),
        ({"body": "!", "isBase64Encoded": True}, "Only base64 data is allowed"),
    ],
)
def test_a_response_that_is_not_valid_says_why(result: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        response_of({"statusCode": 200, **result})
    assert str(raised.value).startswith(told)
