"""Turn what a handler's wrapper returned instead of the app's response into a response. Pure.

A function that wraps the handler may answer a request itself: with an authorizer's 401, a warm-up
result, or the stored result of an earlier invocation. Lambda's loop would post it as JSON, and a
URL that streams would send that JSON to the client as the body.
"""

import base64
import binascii
import json
from functools import lru_cache
from typing import Any, NamedTuple

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._headers import HOP_BY_HOP

NOT_KEPT = "lambdaAsgiBodyNotKept"
"""A member of our own results whose body was too large to keep. They cannot be replayed."""


def plain_result(status: int, headers: RawHeaders, body: bytes) -> dict[str, Any] | None:
    """Return the result of the most common response: JSON, without repeated headers.

    It is None for any other response. This way saves a tenth of an invocation's CPU time.
    """
    fields = _plain_headers(tuple(headers))
    if fields is None:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return {"statusCode": status, "headers": fields.copy(), "body": text, "isBase64Encoded": False}


@lru_cache(maxsize=32)  # most routes send the same headers each time
def _plain_headers(headers: tuple[tuple[bytes, bytes], ...]) -> dict[str, str] | None:
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    if fields.get("content-type") != "application/json" or len(fields) < len(headers):
        return None
    if "set-cookie" in fields or "content-encoding" in fields:
        return None
    return fields if HOP_BY_HOP.isdisjoint(dict(headers)) else None


class Response(NamedTuple):
    status: int
    headers: RawHeaders
    body: bytes


def response_of(result: Any) -> Response:
    """Return the response for `result`, a handler's result as a JSON value.

    As Function URLs read a buffered result: an object with a `statusCode` is a response, and
    anything else is the body of a 200.
    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads

    Raises:
        ValueError: An object with a `statusCode` is not a valid response.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        body = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return Response(200, [(b"content-type", b"application/json")], body.encode())
    if NOT_KEPT in result:
        raise ValueError("it repeats a streamed response, whose body was too large to keep")
    try:
        status = int(result["statusCode"])
        return Response(status, _headers(result), _body(result))
    except (TypeError, AttributeError, UnicodeEncodeError, binascii.Error) as error:
        raise ValueError(str(error)) from None


def _headers(result: dict[str, Any]) -> RawHeaders:
    lines = [(name, value) for name, value in (result.get("headers") or {}).items()]
    several = result.get("multiValueHeaders") or {}
    # As in API Gateway, the plural form replaces the singular form of the same name.
    names = {name.lower() for name in several}
    lines = [(name, value) for name, value in lines if name.lower() not in names]
    lines += [(name, value) for name, values in several.items() for value in values]
    lines += [("set-cookie", cookie) for cookie in result.get("cookies") or ()]
    return [
        (name.lower().encode("latin-1"), _text(value).encode("latin-1")) for name, value in lines
    ]


def _text(value: Any) -> str:
    """Return a header's value as text. Event sources also accept numbers and booleans."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if result.get("isBase64Encoded"):
        return base64.b64decode(body, validate=True)
    return body.encode()
