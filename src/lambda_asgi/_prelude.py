"""The prelude: status, headers and cookies as JSON, then eight NUL bytes, at the head of a streamed response.

Format: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html and, for API Gateway,
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html. JSON escapes a NUL, so
the first eight raw ones are always the delimiter.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from lambda_asgi._asgi import RawHeaders
from lambda_asgi.errors import HeadersTooLarge, UnexpectedMessage

DELIMITER = b"\0" * 8

LARGEST = 16 * 1024
"""API Gateway looks for the delimiter in the first 16 KB. For Function URLs no number is published: the same holds."""

# RFC 9110 section 7.6.1: these concern one connection, and the connection to the client is not ours.
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)

_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Prelude(NamedTuple):
    """What a prelude says. Header names are lower-case, a repeated name is one value joined by `, `."""

    status: int
    headers: dict[str, str]
    cookies: list[str]


def encode(status: int, headers: RawHeaders) -> bytes:
    """The prelude with its delimiter.

    Hop-by-hop headers are dropped; each `set-cookie` becomes a cookie; other repeated names are joined by `, `
    (RFC 9110 section 5.3). Raises UnexpectedMessage for a header that would break the response apart (CR, LF, NUL), and
    HeadersTooLarge.
    """
    return _encoded(status, tuple(headers))


# Most routes of most apps have the same headers each time.
@lru_cache(maxsize=32)
def _encoded(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    fields: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name = raw_name.lower()
        value = raw_value.decode("latin-1")
        if name == b"set-cookie":
            cookies.append(value)
        elif name not in HOP_BY_HOP:
            key = name.decode("latin-1")
            fields[key] = f"{fields[key]}, {value}" if key in fields else value
    document: dict[str, object] = {"statusCode": status, "headers": fields}
    if cookies:
        document["cookies"] = cookies
    text = _dump(document)
    if "\\" in text:  # every control character is an escape in JSON: most responses are through with one look
        _refuse_control_characters(headers)
    prelude = text.encode() + DELIMITER
    if len(prelude) > LARGEST:
        raise HeadersTooLarge(
            f"status, headers and cookies take {len(prelude)} bytes as a prelude; front ends read {LARGEST}"
        )
    return prelude


def _refuse_control_characters(headers: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        if any(character in name + value for character in (b"\r", b"\n", b"\0")):
            raise UnexpectedMessage(f"the header {name!r} has a line break or a NUL in its name or value: {value!r}")


def split(stream: bytes) -> tuple[Prelude, bytes] | None:
    """The prelude at the head of `stream` and what follows it, or None while its end has not come.

    Raises ValueError for a prelude that is not a JSON object of the right types, or too long.
    """
    head, delimiter, body = stream.partition(DELIMITER)
    if len(head) + len(delimiter) > LARGEST or (not delimiter and len(head) == LARGEST):
        raise ValueError(f"no delimiter within {LARGEST} bytes")
    if not delimiter:
        return None
    try:
        document = json.loads(head)
    except RecursionError:
        raise ValueError(f"no JSON that anybody would read: {head[:100]!r}") from None
    match document:
        case {"statusCode": int(status), **rest} if not isinstance(status, bool):
            headers, cookies = rest.get("headers", {}), rest.get("cookies", [])
        case _:
            raise ValueError(f"a prelude is a JSON object with a statusCode, not {head[:100]!r}")
    if not isinstance(headers, dict) or not isinstance(cookies, list):
        raise ValueError("a prelude's headers are an object, its cookies a list")
    return Prelude(status, {str(k): str(v) for k, v in headers.items()}, [str(cookie) for cookie in cookies]), body
