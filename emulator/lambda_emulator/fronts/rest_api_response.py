"""What a runtime answered -> the response of a REST API. Pure; documented, nothing is recorded.

API Gateway, "Output format of a Lambda function for proxy integration": whatever is not of that format is malformed,
and its client gets 502.
"""

import base64
from dataclasses import dataclass
from typing import Any

from lambda_emulator.fronts.http_answer import (
    DROPPED,
    REMAPPED,
    BadAnswer,
    checked_header,
    parse_json,
    status_code,
)
from lambda_emulator.http.message import Header

__all__ = ["RestAPIResponse", "response_of_metadata", "response_of_result"]


@dataclass(frozen=True, slots=True)
class RestAPIResponse:
    """Headers have a Content-Type among them."""

    status: int
    headers: list[Header]
    body: bytes = b""


def response_of_result(result: bytes) -> RestAPIResponse:
    """What an ordinary handler returned: {statusCode, headers, multiValueHeaders, body, isBase64Encoded}.

    Raises BadAnswer.
    """
    value = parse_json(result, "the answer")
    if not isinstance(value, dict) or "statusCode" not in value:
        raise BadAnswer("the answer is not of the form {statusCode, headers, body}")
    text = value.get("body")
    if not isinstance(text, str | None):
        raise BadAnswer(f"body is {type(text).__name__}, not a string")
    encoded = value.get("isBase64Encoded")
    if not isinstance(encoded, bool | None):
        raise BadAnswer(f"isBase64Encoded is {encoded!r}, not true or false")
    body = _decoded(text or "") if encoded else (text or "").encode("utf-8", "replace")
    return RestAPIResponse(status_code(value["statusCode"]), _headers(value), body)


def response_of_metadata(metadata: dict[str, Any]) -> RestAPIResponse:
    """The metadata before a streamed body. Raises BadAnswer."""
    return RestAPIResponse(status_code(metadata.get("statusCode", 200)), _headers(metadata))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadAnswer(f"body is no base64: {error}") from error


def _headers(data: dict[str, Any]) -> list[Header]:
    """All headers and cookies, with a Content-Type among them."""
    given = [
        *_named(data),
        *(("Set-Cookie", cookie) for cookie in _list("cookies", data.get("cookies") or [])),
    ]
    headers = [
        checked_header(
            f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name, _text(name, value)
        )
        for name, value in given
        if name.lower() not in DROPPED
    ]
    typed = any(name.lower() == "content-type" for name, _ in headers)
    return headers if typed else [("Content-Type", "application/json"), *headers]


def _named(data: dict[str, Any]) -> list[tuple[str, Any]]:
    """`headers` and `multiValueHeaders`, which wins where both have a name."""
    single, multiple = _object(data, "headers"), _object(data, "multiValueHeaders")
    in_multiple = {name.lower() for name in multiple}
    return [
        *(
            (name, value)
            for name, value in single.items()
            if value is not None and name.lower() not in in_multiple
        ),
        *((name, value) for name, values in multiple.items() for value in _list(name, values)),
    ]


def _object(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    if not isinstance(value, dict | None):
        raise BadAnswer(f"{key} is {type(value).__name__}, not an object")
    return value or {}


def _list(name: str, values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise BadAnswer(f"{name} is {type(values).__name__}, not a list")
    return values


def _text(name: str, value: Any) -> str:
    """A scalar as JSON writes it (assumed for numbers and true: Java's own texts are the same)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise BadAnswer(f"the header {name!r} is {type(value).__name__}, not a string")
    return str(value)
