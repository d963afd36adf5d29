"""What a runtime answered -> the head and body that a Function URL's client gets. Pure.

Recorded unless a comment says otherwise; the cases are in tests/lambda_emulator/recorded_cases.json and the
differences in docs/fidelity.md.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from lambda_emulator import limits
from lambda_emulator.http.message import Header, reason

__all__ = [
    "BODYLESS", "DROPPED", "REMAPPED", "BadAnswer", "Described", "Identity", "Prelude", "PreludeParser", "describe",
    "describe_result",
    "describe_streamed_result", "wire_head",
]  # fmt: skip

_DELIMITER: Final = b"\0" * 8
BODYLESS: Final = frozenset({204, 304})
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE: Final = re.compile(r"[\r\n\0]")

REMAPPED: Final = frozenset({
    # content-length and www-authenticate: reported by users of Function URLs. The others: the same list of API
    # Gateway ("important notes"), assumed here.
    "authorization", "connection", "content-length", "content-md5", "date", "host", "server", "www-authenticate",
})  # fmt: skip
DROPPED: Final = frozenset({
    # Framing is the front's own; its identity headers win. Assumed.
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-amzn-requestid", "x-amzn-trace-id",
})  # fmt: skip

_ORDER: Final = (
    # Where each name stands behind x-amzn-RequestId. "" is the place of every other header of the function.
    "access-control-allow-origin", "set-cookie", "", "access-control-allow-headers", "vary",
    "access-control-allow-methods", "access-control-expose-headers", "access-control-max-age", "x-amzn-trace-id",
    "access-control-allow-credentials",
)  # fmt: skip
_CANONICAL: Final = {
    name: "-".join(part.capitalize() for part in name.split("-")) for name in _ORDER if name
}  # Set-Cookie, X-Amzn-Trace-Id, ...


class BadAnswer(Exception):
    """The function's answer cannot be turned into HTTP: the client gets 502."""


@dataclass(frozen=True, slots=True)
class Described:
    """Status, headers and cookies as the function gave them, and the body of a buffered answer.

    `content_type` None: the front's default. Header names are in lower case, without content-type.
    """

    status: int = 200
    content_type: str | None = None
    headers: tuple[Header, ...] = ()
    cookies: tuple[str, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Prelude:
    """The metadata before a streamed body, as given and as read, and the first bytes of that body, if they came too."""

    metadata: dict[str, Any]
    described: Described
    rest: bytes


def describe(data: dict[str, Any]) -> Described:
    """Reads statusCode, headers and cookies; other keys are ignored. Raises BadAnswer."""
    headers: list[Header] = []
    content_type = None
    given = data.get("headers") or {}
    if not isinstance(given, dict):
        raise BadAnswer(f"headers is {type(given).__name__}, not an object")
    for name, value in given.items():
        if value is None:
            continue
        text = java_text(value)
        if not _TOKEN.fullmatch(name) or _BAD_VALUE.search(text):
            raise BadAnswer(f"the header {name!r} holds characters that HTTP does not allow")
        if name.lower() == "content-type":
            content_type = text
        else:
            headers.append((name.lower(), text))
    cookies = data.get("cookies") or []
    if not isinstance(cookies, list) or any(_BAD_VALUE.search(java_text(cookie)) for cookie in cookies):
        raise BadAnswer("cookies is no list of cookie lines")
    return Described(
        _status(data.get("statusCode", 200)), content_type, tuple(headers), tuple(map(java_text, cookies))
    )  # fmt: skip


def _status(value: Any) -> int:
    """A number or its text. Recorded: 700 is refused, "418" is taken. Assumed: 1xx is refused, it ends no request."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise BadAnswer(f"statusCode is {value!r}, not a status from 200 to 599")
    return value


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


def describe_result(result: bytes) -> Described:
    """The JSON that an ordinary handler returned, for a BUFFERED URL.

    Without `statusCode` the value is the body. Raises BadAnswer for a bad status, and for what is no JSON (assumed).
    """
    try:
        value = json.loads(result)
    except ValueError as error:
        raise BadAnswer(f"the answer is no JSON: {error}") from error
    if not (isinstance(value, dict) and "statusCode" in value):
        return Described(body=implicit_body(value))
    described = describe(value)
    body = value.get("body")
    if body is None:
        data = b""
    elif isinstance(body, str):
        data = _lenient_base64(body) if value.get("isBase64Encoded") is True else body.encode("utf-8", "replace")
    else:
        data = _compact(body).encode("utf-8", "replace")
    return Described(described.status, described.content_type, described.headers, described.cookies, data)


def implicit_body(value: Any) -> bytes:
    """A value without a status: a string goes out unquoted, all else as JSON written anew, "/" as "\\/".

    AWS also orders the keys by their hash: not done here.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return _compact(value).replace("/", "\\/").encode("utf-8", "replace")


def describe_streamed_result(result: bytes) -> Described:
    """The same JSON behind a RESPONSE_STREAM URL: status, headers and cookies count, but the body is all of it."""
    try:
        value = json.loads(result)
        described = describe(value) if isinstance(value, dict) and "statusCode" in value else Described()
    except (ValueError, BadAnswer):
        described = Described()
    content_type = described.content_type or "application/json"
    return Described(described.status, content_type, described.headers, described.cookies, result)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lenient_base64(text: str) -> bytes:
    """As Apache commons-codec decodes: foreign characters are skipped, "-" and "_" taken, bits left over dropped."""
    text = re.sub(r"[^A-Za-z0-9+/]", "", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    return base64.b64decode(text + "=" * (-len(text) % 4))


class PreludeParser:
    """Collects a streamed answer until its eight NULs. The prelude may come in any pieces."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Prelude | None:
        """The prelude once it is complete. Raises BadAnswer."""
        searched = max(0, len(self._data) - len(_DELIMITER) + 1)
        self._data += data
        end = self._data.find(_DELIMITER, searched)
        if end < 0 or end > limits.PRELUDE:
            if end > limits.PRELUDE or len(self._data) > limits.PRELUDE + len(_DELIMITER):
                raise BadAnswer(f"the prelude has no end within {limits.PRELUDE} bytes")
            return None
        try:
            value = json.loads(self._data[:end])
        except ValueError as error:
            raise BadAnswer(f"the prelude is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise BadAnswer(f"the prelude is a JSON {type(value).__name__}, not an object")
        return Prelude(value, describe(value), bytes(self._data[end + len(_DELIMITER) :]))


@dataclass(frozen=True, slots=True)
class Identity:
    """What every response says about its request. `trace` None leaves the trace header out."""

    date: str
    request_id: str
    trace: str | None = None
    grants: list[Header] = field(default_factory=list)
    """Headers of the URL's CORS block, in lower case."""


def wire_head(described: Described, identity: Identity, *, framing: Header | None, connection: str) -> bytes:
    """Status line and headers, in the order and the case of the recordings.

    `framing` is Content-Length or Transfer-Encoding, None for a status that has no body (assumed: 204, 304).
    """
    lines = [
        f"HTTP/1.1 {described.status} {reason(described.status)}",
        f"Date: {identity.date}",
        f"Content-Type: {described.content_type or 'application/json'}",
    ]
    if framing is not None:
        lines.append(f"{framing[0]}: {framing[1]}")
    lines += [f"Connection: {connection}", f"x-amzn-RequestId: {identity.request_id}"]
    lines += [f"{name}: {value}" for name, value in _arranged(described, identity)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8")


def _arranged(described: Described, identity: Identity) -> list[Header]:
    """The function's headers and the platform's, grouped by name.

    A platform's name is written canonically, unless the function gave that name too: then the group is in lower case.
    """
    own: dict[str, list[str]] = {}
    for name, value in described.headers:
        if name in REMAPPED:
            own.setdefault(f"x-amzn-remapped-{name}", []).append(value)
        elif name not in DROPPED:
            own.setdefault(name, []).append(value)
    added: dict[str, list[str]] = {}
    if described.cookies:
        added["set-cookie"] = list(described.cookies)
    for name, value in identity.grants:
        added.setdefault(name, []).append(value)
    if identity.trace is not None:
        added["x-amzn-trace-id"] = [identity.trace]
    if "access-control-expose-headers" in own and "access-control-expose-headers" in added:
        own["access-control-expose-headers"] = [
            ",".join(own["access-control-expose-headers"] + added.pop("access-control-expose-headers"))
        ]
    arranged: list[Header] = []
    for place in _ORDER:
        if place == "":
            arranged += [(name, value) for name, values in own.items() if name not in _CANONICAL for value in values]
        else:
            name = place if place in own else _CANONICAL[place]
            arranged += [(name, value) for value in own.get(place, []) + added.get(place, [])]
    return arranged
