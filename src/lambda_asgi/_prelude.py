"""The prelude of a streamed response: status, headers and cookies as JSON, then eight NUL bytes.

Format: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html and, for API Gateway,
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html.
JSON escapes NUL, so the first eight NUL bytes are always the delimiter.
"""

import json
from functools import lru_cache
from typing import NamedTuple

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._headers import HOP_BY_HOP
from lambda_asgi.errors import HeadersTooLarge

DELIMITER = b"\0" * 8

LARGEST = 16 * 1024
"""API Gateway searches the first 16 KB for the delimiter. AWS publishes no limit for Function URLs,
so the same one is used.
"""

_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Prelude(NamedTuple):
    """The contents of a prelude.

    Names are lower-case. The values of a repeated name are joined by `, `.
    """

    status: int
    headers: dict[str, str]
    cookies: list[str]


def encode(status: int, headers: RawHeaders) -> bytes:
    """Return the prelude with its delimiter.

    Hop-by-hop headers are removed. Each `set-cookie` becomes a cookie. Other repeated names are
    joined by `, ` (RFC 9110 section 5.3). The headers must be valid (_headers.py).

    Raises:
        HeadersTooLarge: The prelude is longer than event sources read.
    """
    return _encoded(status, tuple(headers))


# Most routes of most apps send the same headers each time.
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
    prelude = text.encode() + DELIMITER
    if len(prelude) > LARGEST:
        raise HeadersTooLarge(
            f"status, headers and cookies take {len(prelude)} bytes as a prelude; event sources "
            f"read {LARGEST}"
        )
    return prelude


def split(stream: bytes) -> tuple[Prelude, bytes] | None:
    """Return the prelude of `stream` and what follows it, or None if the prelude is incomplete.

    Raises:
        ValueError: It is not a JSON object of the right types, or it is too long.
    """
    end = stream.find(DELIMITER, 0, LARGEST)
    if end < 0:
        if len(stream) >= LARGEST:
            raise ValueError(f"no delimiter within {LARGEST} bytes")
        return None
    head = stream[:end]
    try:
        document = json.loads(head)
    except RecursionError:
        document = None
    if isinstance(document, dict):
        status = document.get("statusCode")
        headers = document.get("headers", {})
        cookies = document.get("cookies", [])
        if type(status) is int and isinstance(headers, dict) and isinstance(cookies, list):
            texts = {str(name): str(value) for name, value in headers.items()}
            prelude = Prelude(status, texts, [str(cookie) for cookie in cookies])
            return prelude, stream[end + len(DELIMITER) :]
    raise ValueError(
        f"a prelude is a JSON object with a statusCode, headers and cookies, not {head[:100]!r}"
    )
