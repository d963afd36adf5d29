"""Make the head and body that a Function URL's client gets from a runtime's answer. Pure.

Recorded unless a comment says otherwise. The cases are in compare/replay/cases.json, and the
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
    "HTTPResponse",
    "PlatformHeaders",
    "read_response",
    "response_of_result",
    "response_of_streamed_result",
    "wire_head",
]

_ORDER: Final = (
    # Where each name stands behind x-amzn-RequestId.
    # "" is the place of every other header of the function.
    "access-control-allow-origin",
    "set-cookie",
    "",
    "access-control-allow-headers",
    "vary",
    "access-control-allow-methods",
    "access-control-expose-headers",
    "access-control-max-age",
    "x-amzn-trace-id",
    "access-control-allow-credentials",
)
_EXPOSED: Final = "access-control-expose-headers"


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """Status, headers and cookies from the function, and the body of a buffered answer.

    `content_type` None is the front's default. Header names are in lower case, without
    content-type.
    """

    status: int = 200
    content_type: str | None = None
    headers: tuple[Header, ...] = ()
    cookies: tuple[str, ...] = ()
    body: bytes = b""


def read_response(data: dict[str, Any]) -> HTTPResponse:
    """Read statusCode, headers and cookies. Other keys are ignored.

    Raises:
        BadAnswer: One of them is wrong.
    """
    given = data.get("headers") or {}
    if not isinstance(given, dict):
        raise BadAnswer(f"headers is {type(given).__name__}, not an object")
    headers = []
    content_type = None
    for key, value in given.items():
        if value is None:
            continue
        name, text = checked_header(key.lower(), java_text(value))
        if name == "content-type":
            content_type = text
        else:
            headers.append((name, text))
    cookies = data.get("cookies") or []
    if not isinstance(cookies, list):
        raise BadAnswer("cookies is no list of cookie lines")
    lines = []
    for cookie in cookies:
        _, line = checked_header("set-cookie", java_text(cookie))
        lines.append(line)
    status = status_code(data.get("statusCode", 200))
    return HTTPResponse(status, content_type, tuple(headers), tuple(lines))


def java_text(value: Any) -> str:
    """Return a JSON value as Java's toString prints it, as AWS does.

    {"bad": true} becomes {bad=true}.
    """
    match value:
        case str():
            return value
        case dict():
            members = [f"{key}={java_text(item)}" for key, item in value.items()]
            return "{" + ", ".join(members) + "}"
        case list():
            items = map(java_text, value)
            return "[" + ", ".join(items) + "]"
        case None:
            return "null"
        case _:
            return json.dumps(value)


def response_of_result(result: bytes) -> HTTPResponse:
    """Return the response for the JSON of an ordinary handler behind a BUFFERED URL.

    Without `statusCode` the value is the body.

    Raises:
        BadAnswer: A member is wrong, or the text is not JSON (assumed).
    """
    value = parse_json(result, "the answer")
    if not (isinstance(value, dict) and "statusCode" in value):
        return HTTPResponse(body=implicit_body(value))
    response = read_response(value)
    body = value.get("body")
    if body is None:
        return response
    if not isinstance(body, str):
        body = _compact(body)
    elif value.get("isBase64Encoded") is True:
        return replace(response, body=_lenient_base64(body))
    return replace(response, body=body.encode("utf-8", "replace"))


def implicit_body(value: Any) -> bytes:
    r"""Return the body for a value without a status.

    A string is unquoted. Other values are JSON, with "/" as "\/".
    AWS also orders the keys by their hash, which is not done here.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return _compact(value).replace("/", "\\/").encode("utf-8", "replace")


def response_of_streamed_result(result: bytes) -> HTTPResponse:
    """Return the response for the same JSON behind a RESPONSE_STREAM URL.

    The JSON sets status and headers, and it is also the body.
    """
    response = HTTPResponse()
    try:
        value = parse_json(result, "the answer")
        if isinstance(value, dict) and "statusCode" in value:
            response = read_response(value)
    except BadAnswer:
        pass
    content_type = response.content_type or "application/json"
    return replace(response, content_type=content_type, body=result)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lenient_base64(text: str) -> bytes:
    """Decode base64 as Apache commons-codec does.

    It skips foreign characters, accepts "-" and "_", and drops extra bits.
    """
    text, _, _ = text.partition("=")
    text = text.translate(str.maketrans("-_", "+/"))
    text = re.sub(r"[^A-Za-z0-9+/]", "", text)
    if len(text) % 4 == 1:
        text = text[:-1]
    padding = "=" * (-len(text) % 4)
    return base64.b64decode(text + padding)


@dataclass(frozen=True, slots=True)
class PlatformHeaders:
    """The headers that identify a request in every response.

    `trace` None omits the trace header.
    """

    date: str
    request_id: str
    trace: str | None = None
    grants: list[Header] = field(default_factory=list)
    """Headers of the URL's CORS block, in lower case."""
    behind: list[Header] = field(default_factory=list)
    """Headers behind all others, in their own case: AWS's error type, or a preflight's headers."""


def wire_head(
    response: HTTPResponse, platform: PlatformHeaders, *, framing: Header | None, connection: str
) -> bytes:
    """Return status line and headers in the order and the case of the recordings.

    Args:
        response: The function's part.
        platform: The platform's part.
        framing: Content-Length or Transfer-Encoding,
            or None for a status without a body (assumed: 204, 304).
        connection: The value of the Connection header.
    """
    headers = [
        ("Date", platform.date),
        ("Content-Type", response.content_type or "application/json"),
    ]
    if framing is not None:
        headers.append(framing)
    headers += [
        ("Connection", connection),
        ("x-amzn-RequestId", platform.request_id),
        *_arranged(response, platform),
        *platform.behind,
    ]
    return response_head(response.status, headers)


def _arranged(response: HTTPResponse, platform: PlatformHeaders) -> list[Header]:
    """Return the function's headers and the platform's, grouped by name.

    A platform's name is in canonical case, unless the function sent that name too:
    then both are in lower case.
    """
    sent = []
    for name, value in response.headers:
        if name in REMAPPED:
            sent.append((f"x-amzn-remapped-{name}", value))
        elif name not in DROPPED:
            sent.append((name, value))
    own = _grouped(sent)
    cookies = [("set-cookie", cookie) for cookie in response.cookies]
    added = _grouped([*cookies, *platform.grants])
    if platform.trace is not None:
        added["x-amzn-trace-id"] = [platform.trace]
    if _EXPOSED in own and _EXPOSED in added:
        values = own[_EXPOSED] + added.pop(_EXPOSED)
        own[_EXPOSED] = [",".join(values)]
    arranged = []
    for name in sorted(own | added, key=_place):
        shown = name if name in own else _canonical(name)
        values = own.get(name, []) + added.get(name, [])
        arranged += [(shown, value) for value in values]
    return arranged


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
