"""What a runtime answered -> the head and body that a Function URL's client gets. Pure.

Recorded unless a comment says otherwise; the cases are in compare/replay/cases.json and the
differences in docs/fidelity.md.
"""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lambda_emulator.fronts.http_answer import (
    DROPPED,
    REMAPPED,
    BadAnswer,
    checked_header,
    parse_json,
    status_code,
)
from lambda_emulator.http.message import Header, response_head

__all__ = [
    "HTTPResponse", "PlatformHeaders", "read_response", "response_of_result", "response_of_streamed_result",
    "wire_head",
]  # fmt: skip

_ORDER: Final = (
    # Where each name stands behind x-amzn-RequestId. "" is the place of every other header of the function.
    "access-control-allow-origin", "set-cookie", "", "access-control-allow-headers", "vary",
    "access-control-allow-methods", "access-control-expose-headers", "access-control-max-age", "x-amzn-trace-id",
    "access-control-allow-credentials",
)  # fmt: skip
_EXPOSED: Final = "access-control-expose-headers"


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """Status, headers and cookies as the function gave them, and the body of a buffered answer.

    `content_type` None: the front's default. Header names are in lower case, without content-type.
    """

    status: int = 200
    content_type: str | None = None
    headers: tuple[Header, ...] = ()
    cookies: tuple[str, ...] = ()
    body: bytes = b""


def read_response(data: dict[str, Any]) -> HTTPResponse:
    """Reads statusCode, headers and cookies; other keys are ignored. Raises BadAnswer."""
    given = data.get("headers") or {}
    if not isinstance(given, dict):
        raise BadAnswer(f"headers is {type(given).__name__}, not an object")
    headers = [
        checked_header(name.lower(), java_text(value))
        for name, value in given.items()
        if value is not None
    ]
    content_type = next(
        (value for name, value in reversed(headers) if name == "content-type"), None
    )
    cookies = data.get("cookies") or []
    if not isinstance(cookies, list):
        raise BadAnswer("cookies is no list of cookie lines")
    return HTTPResponse(
        status_code(data.get("statusCode", 200)),
        content_type,
        tuple(header for header in headers if header[0] != "content-type"),
        tuple(checked_header("set-cookie", java_text(cookie))[1] for cookie in cookies),
    )


def java_text(value: Any) -> str:
    """A JSON value as Java's toString writes it, since that is what the front prints: {"bad": true} is {bad=true}."""
    match value:
        case str():
            return value
        case dict():
            return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(java_text, value)) + "]"
        case None:
            return "null"
        case _:
            return json.dumps(value)


def response_of_result(result: bytes) -> HTTPResponse:
    """The JSON that an ordinary handler returned, for a BUFFERED URL.

    Without `statusCode` the value is the body. Raises BadAnswer for a bad status, and for what is no JSON (assumed).
    """
    value = parse_json(result, "the answer")
    if not (isinstance(value, dict) and "statusCode" in value):
        return HTTPResponse(body=implicit_body(value))
    response = read_response(value)
    body = value.get("body")
    if body is None:
        data = b""
    elif isinstance(body, str):
        data = (
            _lenient_base64(body)
            if value.get("isBase64Encoded") is True
            else body.encode("utf-8", "replace")
        )
    else:
        data = _compact(body).encode("utf-8", "replace")
    return replace(response, body=data)


def implicit_body(value: Any) -> bytes:
    """A value without a status: a string goes out unquoted, all else as JSON written anew, "/" as "\\/".

    AWS also orders the keys by their hash: not done here.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return _compact(value).replace("/", "\\/").encode("utf-8", "replace")


def response_of_streamed_result(result: bytes) -> HTTPResponse:
    """The same JSON behind a RESPONSE_STREAM URL: status, headers and cookies count, but the body is all of it."""
    try:
        value = parse_json(result, "the answer")
        response = (
            read_response(value)
            if isinstance(value, dict) and "statusCode" in value
            else HTTPResponse()
        )
    except BadAnswer:
        response = HTTPResponse()
    return replace(response, content_type=response.content_type or "application/json", body=result)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lenient_base64(text: str) -> bytes:
    """As Apache commons-codec decodes: foreign characters are skipped, "-" and "_" taken, bits left over dropped."""
    text = re.sub(r"[^A-Za-z0-9+/]", "", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class PlatformHeaders:
    """What every response says about its request. `trace` None leaves the trace header out."""

    date: str
    request_id: str
    trace: str | None = None
    grants: list[Header] = field(default_factory=list)
    """Headers of the URL's CORS block, in lower case."""
    behind: list[Header] = field(default_factory=list)
    """What stands behind all others, in its own case: the type of an error of AWS's own, a preflight's answer."""


def wire_head(
    response: HTTPResponse, platform: PlatformHeaders, *, framing: Header | None, connection: str
) -> bytes:
    """Status line and headers, in the order and the case of the recordings.

    `framing` is Content-Length or Transfer-Encoding, None for a status that has no body (assumed: 204, 304).
    """
    return response_head(response.status, [
        ("Date", platform.date),
        ("Content-Type", response.content_type or "application/json"),
        *([framing] if framing is not None else []),
        ("Connection", connection),
        ("x-amzn-RequestId", platform.request_id),
        *_arranged(response, platform),
        *platform.behind,
    ])  # fmt: skip


def _arranged(response: HTTPResponse, platform: PlatformHeaders) -> list[Header]:
    """The function's headers and the platform's, grouped by name.

    A platform's name is written canonically, unless the function gave that name too: then the group is in lower case.
    """
    own = _grouped(
        (f"x-amzn-remapped-{name}" if name in REMAPPED else name, value)
        for name, value in response.headers
        if name not in DROPPED
    )
    added = _grouped([*(("set-cookie", cookie) for cookie in response.cookies), *platform.grants])
    if platform.trace is not None:
        added["x-amzn-trace-id"] = [platform.trace]
    if _EXPOSED in own and _EXPOSED in added:
        own[_EXPOSED] = [",".join(own[_EXPOSED] + added.pop(_EXPOSED))]
    return [
        (name if name in own else _canonical(name), value)
        for name in sorted({**own, **added}, key=_place)
        for value in own.get(name, []) + added.get(name, [])
    ]


def _grouped(headers: Iterable[Header]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in headers:
        groups.setdefault(name, []).append(value)
    return groups


def _place(name: str) -> int:
    return _ORDER.index(name if name in _ORDER else "")


def _canonical(name: str) -> str:
    """
    >>> _canonical("x-amzn-trace-id")
    'X-Amzn-Trace-Id'
    """
    return "-".join(part.capitalize() for part in name.split("-"))
