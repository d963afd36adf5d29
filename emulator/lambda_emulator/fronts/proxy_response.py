"""Make the response of an API of API Gateway from what a function returned. Pure.

REST APIs and payload 1.0 of HTTP APIs accept {statusCode, headers, multiValueHeaders, body,
isBase64Encoded} and nothing else. Payload 2.0 accepts {statusCode, headers, cookies, body,
isBase64Encoded}, and makes a response of any other value. Sources: docs/fidelity.md.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
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

__all__ = [
    "ProxyResponse",
    "inferred_response",
    "proxy_response",
    "response_of_metadata",
]


@dataclass(frozen=True, slots=True)
class ProxyResponse:
    """`encoded`: the body is base64. The API decides whether to decode it."""

    status: int
    headers: list[Header]
    body: bytes = b""
    encoded: bool = False

    def decoded(self) -> "ProxyResponse":
        """Return the response with its base64 decoded.

        Raises:
            BadAnswer: The body is not base64.
        """
        if not self.encoded:
            return self
        try:
            body = base64.b64decode(self.body, validate=True)
        except ValueError as error:
            raise BadAnswer(f"body is no base64: {error}") from error
        return replace(self, body=body, encoded=False)

    def typed(self, content_type: str) -> "ProxyResponse":
        """Return the response with a Content-Type, if the function sent none."""
        if any(name.lower() == "content-type" for name, _ in self.headers):
            return self
        return replace(self, headers=[("Content-Type", content_type), *self.headers])


def proxy_response(result: bytes) -> ProxyResponse:
    """Read the only form that a REST API and payload 1.0 accept.

    Raises:
        BadAnswer: It has another form.
    """
    value = parse_json(result, "the answer")
    if not isinstance(value, dict) or "statusCode" not in value:
        raise BadAnswer("the answer is not of the form {statusCode, headers, body}")
    return _response(value, multiple=True)


def inferred_response(result: bytes) -> ProxyResponse:
    """Read payload 2.0: a value without statusCode is the body, even if it is not JSON.

    Raises:
        BadAnswer: It has a statusCode, but another member is wrong.
    """
    try:
        value = json.loads(result)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "statusCode" in value:
        return _response(value, multiple=False)
    body = value.encode("utf-8", "replace") if isinstance(value, str) else result
    return ProxyResponse(200, [("Content-Type", "application/json")], body)


def response_of_metadata(metadata: dict[str, Any]) -> ProxyResponse:
    """Read the metadata before a streamed body.

    Raises:
        BadAnswer: A member is wrong.
    """
    status = status_code(metadata.get("statusCode", 200))
    headers = _headers(metadata, multiple=True)
    headers += _cookies(metadata)
    return ProxyResponse(status, headers)


def _response(value: dict[str, Any], *, multiple: bool) -> ProxyResponse:
    text = value.get("body")
    if not isinstance(text, str | None):
        raise BadAnswer(f"body is {type(text).__name__}, not a string")
    encoded = value.get("isBase64Encoded")
    if not isinstance(encoded, bool | None):
        raise BadAnswer(f"isBase64Encoded is {encoded!r}, not true or false")
    headers = _headers(value, multiple=multiple)
    headers += _cookies(value)
    body = (text or "").encode("utf-8", "replace")
    status = status_code(value["statusCode"])
    return ProxyResponse(status, headers, body, encoded=bool(encoded))


def _headers(data: dict[str, Any], *, multiple: bool) -> list[Header]:
    """Return all headers except cookies, with names and values that HTTP allows."""
    headers = []
    for name, value in _named(data, multiple=multiple):
        lower = name.lower()
        if lower not in DROPPED:
            sent_as = f"x-amzn-Remapped-{name}" if lower in REMAPPED else name
            headers.append(checked_header(sent_as, _text(name, value)))
    return headers


def _named(data: dict[str, Any], *, multiple: bool) -> Iterator[tuple[str, Any]]:
    """Return `headers` without the pairs that `multiValueHeaders` also has, then those."""
    several = []
    if multiple:
        for name, values in _object(data, "multiValueHeaders").items():
            several += [(name, value) for value in _list(name, values)]
    repeated = [(name.lower(), value) for name, value in several]
    for name, value in _object(data, "headers").items():
        if value is not None and (name.lower(), value) not in repeated:
            yield name, value
    yield from several


def _cookies(data: dict[str, Any]) -> list[Header]:
    given = _list("cookies", data.get("cookies") or [])
    return [checked_header("Set-Cookie", _text("cookies", cookie)) for cookie in given]


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
    """Return a scalar as JSON writes it.

    For numbers and booleans this is assumed: Java writes them the same way.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise BadAnswer(f"the header {name!r} is {type(value).__name__}, not text")
    return str(value)
