"""The parts of an ASGI HTTP scope that all event sources share. Pure: JSON values in, a scope out.

Lambda events are JSON made by a front door (API Gateway, a load balancer, ...) or by anyone who may call `Invoke`, so
every value read here may be missing, null or of another type. Missing and null are taken as empty; a value of a type
that cannot be served raises `EventError`. Nothing else is ever raised.

Spec: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
"""

from collections.abc import Mapping
from typing import Any

from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.errors import EventError

# 2.4: `send` may raise OSError once the client is gone. Starlette then needs no task group to watch for disconnects.
ASGI_VERSIONS: Mapping[str, str] = {"version": "3.0", "spec_version": "2.4"}

DEFAULT_PORTS = {"https": 443, "http": 80}


def http_scope(
    event: Any,
    context: Any,
    *,
    method: Any,
    path: str,
    raw_path: bytes,
    query_string: bytes,
    headers: RawHeaders,
    client_ip: Any,
    host: Any = None,
    root_path: str = "",
    http_version: str = "1.1",
) -> Scope:
    """The scope of one request.

    `path` includes `root_path` and is decoded; `raw_path` and `query_string` are as on the wire. Scheme and port come
    from the `X-Forwarded-*` headers that each front door sets; `host` stands in for a missing Host header. Without
    either, `server` is None; without `client_ip`, `client` is None.
    """
    if not isinstance(method, str) or not method:
        raise EventError(f"the event's HTTP method is {describe(method)}, not a word such as GET")
    found = dict(headers)
    scheme = "http" if found.get(b"x-forwarded-proto") == b"http" else "https"
    authority = found.get(b"host")
    if authority is not None:
        host = authority.decode("latin-1")
    return {
        "type": "http",
        "asgi": dict(ASGI_VERSIONS),
        "http_version": http_version,
        "method": method.upper(),
        "scheme": scheme,
        "path": path,
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": root_path,
        "headers": headers,
        "client": (client_ip, 0) if client_ip and isinstance(client_ip, str) else None,
        "server": server_address(host, found.get(b"x-forwarded-port"), scheme),
        "aws.event": event,
        "aws.context": context,
    }


def header_lines(headers: Any) -> RawHeaders:
    """Header lines of a JSON object of strings."""
    if not headers:
        return []
    try:
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    except (AttributeError, UnicodeEncodeError):
        return [(header_bytes(name.lower()), header_bytes(value, name)) for name, value in members(headers, "headers")]


def header_bytes(value: Any, name: str = "") -> bytes:
    """Header text as bytes: Latin-1, which gives the bytes of the wire back, or UTF-8 where the text has more."""
    if not isinstance(value, str):
        raise EventError(f"the value of the event's header {name!r} is {describe(value)}, not a string")
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return utf8(value)


def utf8(text: str) -> bytes:
    """UTF-8 that takes any str, also the lone surrogates that JSON can carry."""
    return text.encode("utf-8", "surrogatepass")


def decoded_path(raw_path: bytes) -> str:
    """`raw_path` without its percent-escapes, as text.

    Once decoded, never twice: `%252F` is `%2F` here. Escapes that are none stay as they are, bytes that are no UTF-8
    become U+FFFD, so that each request reaches the app and `raw_path` keeps the truth.
    """
    if b"%" in raw_path:
        from urllib.parse import unquote_to_bytes  # about 2 ms of a cold start that most never need

        raw_path = unquote_to_bytes(raw_path)
    return raw_path.decode("utf-8", "replace")


def mount_point(path: str, prefix: str) -> str:
    """`prefix` as a root path ("/v1", without a slash at its end) if `path` lies under it, else ""."""
    root_path = prefix.strip("/")
    if not root_path:
        return ""
    root_path = f"/{root_path}"
    return root_path if path == root_path or path.startswith(f"{root_path}/") else ""


def request_body(body: Any, is_base64: Any) -> bytes:
    """The request body of an event, in full."""
    if not body:
        return b""
    if not isinstance(body, str):
        raise EventError(f"the event's body is {describe(body)}, not a string")
    if not is_base64:
        return utf8(body)
    from base64 import b64decode

    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise EventError(f"the event says that its body is base64, but it is not: {error}") from None


def server_address(host: Any, forwarded_port: bytes | None, scheme: str) -> tuple[str, int] | None:
    """(host, port) of an authority such as `example.com:8080` or `[::1]:8080`; the port may come from elsewhere."""
    if not host or not isinstance(host, str):
        return None
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):  # no colon at all, or only those of an IPv6 address
        name, port = host, forwarded_port.decode("latin-1") if forwarded_port else ""
    return name.strip("[]"), port_number(port) or DEFAULT_PORTS[scheme]


def port_number(text: str) -> int | None:
    """A port from 1 to 65535, or None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    port = int(text)
    return port if 0 < port <= 65535 else None


def members(value: Any, name: str) -> list[tuple[str, Any]]:
    """The members of a JSON object called `name` in messages; none when it is null or missing."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise EventError(f"the event's {name} is {describe(value)}, not an object")
    return list(value.items())


def describe(value: Any) -> str:
    """What a JSON value is, in JSON's words, for messages (the value itself may be a secret)."""
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return "missing or null" if value is None else names.get(type(value), type(value).__name__)
