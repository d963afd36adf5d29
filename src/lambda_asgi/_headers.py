"""Response headers: which are well-formed, and which are not the app's to send. Pure."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._describe import described
from lambda_asgi.errors import UnexpectedMessage

# RFC 9110 section 7.6.1: these concern one connection, and the connection to the client is not ours.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# RFC 9110 section 5.6.2 (a name is a token), and section 5.5 (no control characters but HTAB in a value).
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def well_formed(headers: object, exclude: Collection[bytes] = ()) -> RawHeaders:
    """`headers` as a list, names in lower case, without those in `exclude`.

    Raises UnexpectedMessage for what is not pairs of bytes, and for a name or a value that HTTP does not allow: it
    could end a header, or a response, early.
    """
    try:
        pairs = [(_name(name), _value(value)) for name, value in headers]  # type: ignore[attr-defined]  # caught if not
    except (TypeError, ValueError):
        raise UnexpectedMessage(
            f"headers are pairs of bytes; the app sent {described(headers)}"
        ) from None
    return [header for header in pairs if header[0] not in exclude] if exclude else pairs


def _value(value: bytes) -> bytes:
    if type(value) is not bytes:
        raise TypeError
    if _FORBIDDEN_IN_VALUES.search(value):
        raise UnexpectedMessage(
            f"the app sent a header value with a control character: {described(value)}"
        )
    return value


@lru_cache(maxsize=256)
def _name(name: bytes) -> bytes:
    if type(name) is not bytes:
        raise TypeError
    if not _TOKEN.fullmatch(name):
        raise UnexpectedMessage(
            f"the app sent a header whose name is not a token: {described(name)}"
        )
    return name.lower()


def content_length(headers: RawHeaders) -> tuple[int | None, RawHeaders]:
    """What content-length says, None without one; and `headers`, where it comes once.

    It may have come more often with the same value (RFC 9110 section 8.6). Raises UnexpectedMessage for several values,
    and for one that is no number.
    """
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        return None, headers
    length = lengths[0]
    if lengths.count(length) < len(lengths) or not length.isdigit() or len(length) > 18:
        raise UnexpectedMessage(
            f"content-length is one decimal number; the app sent {described(lengths)}"
        )
    if len(lengths) > 1:
        headers = [*without(b"content-length", headers), (b"content-length", length)]
    return int(length), headers


def without(name: bytes, headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    return [header for header in headers if header[0] != name]
