"""Read the parts of a request from an event's JSON values.

AWS's services make events, and so can anyone who may call `Invoke`. So any value may be missing,
null or of another type. Missing and null count as empty. A value of a type that cannot be served
raises `EventError`, and nothing else is ever raised.

Spec: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders
from lambda_asgi.errors import EventError

# 2.4: `send` may raise OSError when the client has left. Starlette then needs no task group to
# watch for it.
ASGI_VERSIONS = {"version": "3.0", "spec_version": "2.4"}

HTTP_VERSIONS = {"HTTP/1.0": "1.0", "HTTP/2": "2", "HTTP/2.0": "2", "HTTP/3": "3", "HTTP/3.0": "3"}

# Request headers whose grammar has no list (RFC 9110), and Origin (RFC 6454).
SINGLE_VALUED = frozenset(
    b"authorization content-length content-location content-type date from host"
    b" if-modified-since if-range if-unmodified-since max-forwards origin proxy-authorization"
    b" range referer user-agent".split()
)

# Names that nearly every event has, as Function URLs and API Gateway write them. A look into this
# table is faster than `lower` and `encode`.
_NAMES = (
    b"accept accept-encoding accept-language authorization cache-control content-length"
    b" content-type cookie host if-match if-modified-since if-none-match if-range origin pragma"
    b" priority range referer sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest"
    b" sec-fetch-mode sec-fetch-site sec-fetch-user upgrade-insecure-requests user-agent"
    b" x-amzn-tls-cipher-suite x-amzn-tls-version x-amzn-trace-id x-forwarded-for"
    b" x-forwarded-port x-forwarded-proto"
)
KNOWN_NAMES = {
    spelling.decode(): name for name in _NAMES.split() for spelling in (name, name.title())
}

JSON_TYPES = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def header_lines(headers: Any) -> RawHeaders:
    """Return the headers in a JSON object whose values are strings.

    Raises:
        EventError: It is not an object, or a value is not a string.
    """
    if not headers:
        return []
    try:
        return [
            (
                KNOWN_NAMES.get(name) or name.lower().encode("latin-1"),
                value.encode() if value.isascii() else value.encode("latin-1"),
            )
            for name, value in headers.items()
        ]
    except (AttributeError, UnicodeEncodeError):
        # rare: text that is not Latin-1, or a value of another type
        fields = json_object(headers, "headers")
        return [(header_name(name), header_value(name, value)) for name, value in fields.items()]


def multi_header_lines(headers: Any) -> RawHeaders:
    """Return the headers in a JSON object whose values are lists of strings, one for each string.

    Cookies become one header (RFC 9113 section 8.2.3), because frameworks read a single one.

    Raises:
        EventError: It is not an object, or a value is not a list of strings.
    """
    fields = json_object(headers, "multiValueHeaders")
    try:
        if {*map(type, fields.values())} != {list}:
            raise TypeError
        lines = [
            (
                KNOWN_NAMES.get(name) or name.lower().encode("latin-1"),
                value.encode() if value.isascii() else value.encode("latin-1"),
            )
            for name, values in fields.items()
            for value in values
        ]
    except (TypeError, AttributeError, UnicodeEncodeError):  # rare, as above
        lines = _checked_multi_header_lines(fields)
    cookies = [value for name, value in lines if name == b"cookie"]
    if len(cookies) > 1:
        lines = [line for line in lines if line[0] != b"cookie"]
        lines.append((b"cookie", b"; ".join(cookies)))
    return lines


def _checked_multi_header_lines(fields: dict[str, Any]) -> RawHeaders:
    """Return the same lines one by one, with the error of the first value of another type."""
    return [
        (header_name(name), header_value(name, value))
        for name, values in fields.items()
        for value in json_list(values, f"header {name!r}")
    ]


def single_values(headers: RawHeaders) -> RawHeaders:
    """Return `headers` with only the last value of each name that must not be repeated.

    A request may repeat such a name, and `multiValueHeaders` shows it. Front doors that pass one
    value on use the last one, and so does API Gateway's `headers` object. Frameworks would join the
    values, and respond 400.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#multi-value-headers
    """
    last = {name: index for index, (name, _) in enumerate(headers)}
    return [
        line
        for index, line in enumerate(headers)
        if line[0] not in SINGLE_VALUED or last[line[0]] == index
    ]


def merged_header_lines(event: dict[str, Any]) -> RawHeaders:
    """Return all of `multiValueHeaders`, and what only `headers` has.

    `headers` has the last value of each name.
    """
    multi, single = event.get("multiValueHeaders"), event.get("headers")
    if not multi:
        return header_lines(single)
    lines = multi_header_lines(multi)
    if isinstance(single, dict) and single.keys() <= multi.keys():
        return lines
    known = {name for name, _ in lines}
    return lines + [line for line in header_lines(single) if line[0] not in known]


def header_name(name: str) -> bytes:
    return wire_bytes(name.lower())


def header_value(name: str, value: Any) -> bytes:
    """Return the bytes of a header's value.

    Raises:
        EventError: It is not a string.
    """
    if not isinstance(value, str):
        raise EventError(f"the event's header {name!r} is {describe(value)}, not a string")
    return wire_bytes(value)


def wire_bytes(text: str) -> bytes:
    """Return header text as bytes.

    Latin-1 restores the original bytes. UTF-8 is for other text, which a hand-made event may have.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return utf8(text)


def utf8(text: str) -> bytes:
    """Encode any str as UTF-8, including lone surrogates, which JSON can contain."""
    return text.encode() if text.isascii() else text.encode("utf-8", "surrogatepass")


def decoded_path(raw_path: bytes) -> str:
    """Return `raw_path` without its percent-escapes, as text.

    It is decoded once: `%252F` becomes `%2F`. Invalid escapes stay, and bytes that are not UTF-8
    become U+FFFD. So each request reaches the app, and `raw_path` has the exact path.
    """
    if b"%" in raw_path:
        # its import takes 2 ms of a cold start, and most requests do not need it
        from urllib.parse import unquote_to_bytes

        raw_path = unquote_to_bytes(raw_path)
    return raw_path.decode("utf-8", "replace")


def encoded_again(path: str) -> tuple[bytes, str]:
    """Return the raw path and the path, for a path that the sender has decoded."""
    from urllib.parse import quote

    wire = utf8(path)
    # RFC 3986 section 3.3: characters that a path may have unescaped.
    return quote(wire, safe="/:@!$&'()*+,;=~").encode(), wire.decode("utf-8", "replace")


def mount_point(path: str, *prefixes: str) -> str:
    """Return the root path of a request: those of `prefixes` with which `path` begins, in order.

    Only whole segments match: "/prod" is no prefix of "/products". Slashes at the ends are ignored.
    """
    root_path = ""
    for prefix in prefixes:
        if name := prefix.strip("/"):
            candidate = f"{root_path}/{name}"
            if path == candidate or path.startswith(f"{candidate}/"):
                root_path = candidate
    return root_path


def query_parameters(*sources: Any) -> list[tuple[str, str]]:
    """Return the names and values of a query in JSON objects.

    Args:
        sources: Objects whose values are strings or lists of strings. A name counts in the first
            one that has it.

    Raises:
        EventError: A value is of another type.
    """
    pairs: list[tuple[str, str]] = []
    known: set[str] = set()
    for source in sources:
        parameters = json_object(source, "query parameters")
        for name, values in parameters.items():
            if name not in known:
                pairs += [
                    (name, value) for value in (values if isinstance(values, list) else [values])
                ]
        known |= parameters.keys()
    for name, value in pairs:
        if not isinstance(value, str):
            raise EventError(
                f"the event's query parameter {name!r} is {describe(value)}, not a string"
            )
    return pairs


def undecoded_query_string(parameters: list[tuple[str, str]]) -> bytes:
    """Return the query of parameters that the sender has not decoded. Escapes stay as they are.

    Characters that no query may have on the wire are escaped: spaces, "#", and what is not ASCII.
    A hand-made event may have them.
    """
    if not parameters:
        return b""
    from urllib.parse import quote

    query = "&".join([f"{name}={value}" for name, value in parameters])
    return quote(utf8(query), safe="%/?:@!$&'()*+,;=~[]").encode()


def request_body(body: Any, is_base64: Any) -> bytes:
    """Return the whole request body.

    Raises:
        EventError: A value is of another type, or the body is not valid base64. Mangum would skip
            the invalid parts.
    """
    if body is None:
        return b""
    if not isinstance(body, str):
        raise EventError(f"the event's body is {describe(body)}, not a string")
    if not is_base64:
        return utf8(body)
    if is_base64 is not True:
        raise EventError(f"the event's base64 flag is {describe(is_base64)}, not a boolean")
    from base64 import b64decode

    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise EventError(
            f"the event says that its body is base64, but it is not: {error}"
        ) from None


def nearest_forwarded_for(headers: RawHeaders) -> str | None:
    """Return the last address of `X-Forwarded-For`, which a load balancer adds: its peer.

    The addresses before it are whatever the client claims. The address may have a port (an option
    of ALB).
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    values = [value for name, value in headers if name == b"x-forwarded-for"]
    if not values:
        return None
    address = values[-1].rpartition(b",")[2].strip().decode("latin-1")
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def text_member(event: dict[str, Any], key: str) -> str:
    """Return the string `key` of `event`, or "".

    Raises:
        EventError: It is not a string.
    """
    value = event.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EventError(f"the event's {key} is {describe(value)}, not a string")
    return value


def json_object(value: Any, name: str) -> dict[str, Any]:
    """Return `value`, or an empty object for null. `name` says what it is, for the message.

    Raises:
        EventError: It is not an object.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EventError(f"the event's {name} is {describe(value)}, not an object")
    return value


def json_list(value: Any, name: str) -> list[Any]:
    """Return `value`, or an empty list for null. `name` says what it is, for the message.

    Raises:
        EventError: It is not a list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise EventError(f"the event's {name} is {describe(value)}, not a list")
    return value


def describe(value: Any) -> str:
    """Return what kind of JSON value it is. Messages show no values, because they may be secret."""
    return "missing or null" if value is None else JSON_TYPES.get(type(value), type(value).__name__)
