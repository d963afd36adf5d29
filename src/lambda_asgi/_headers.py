"""Which response headers are valid, and which an app may not send. Pure."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._describe import described
from lambda_asgi.errors import UnexpectedMessage

# RFC 9110 section 7.6.1: these describe one connection, and the client's connection is not ours.
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

# RFC 9110: a name is a token (section 5.6.2), and a value has no control characters but HTAB
# (section 5.5).
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def checked(
    headers: object, exclude: frozenset[bytes] = frozenset()
) -> tuple[RawHeaders, int | None]:
    """Return `well_formed` headers, with at most one content-length, and the content length.

    Raises UnexpectedMessage as `well_formed` and `content_length` do.
    """
    try:
        lines, length = _checked(tuple(headers), exclude)  # type: ignore[arg-type]  # caught if not
    except TypeError:  # not pairs of bytes, or pairs that are lists
        length, found = content_length(well_formed(headers, exclude))
        return found, length
    return [*lines], length


# Most routes of most apps send the same headers each time.
@lru_cache(maxsize=32)
def _checked(
    headers: tuple[tuple[bytes, bytes], ...], exclude: frozenset[bytes]
) -> tuple[RawHeaders, int | None]:
    length, lines = content_length(well_formed(headers, exclude))
    return lines, length


def well_formed(headers: object, exclude: Collection[bytes] = ()) -> RawHeaders:
    """Return `headers` as a list, with names in lower case, without those in `exclude`.

    Raises:
        UnexpectedMessage: They are not pairs of bytes, or HTTP does not allow a name or a value. It
            could end a header or a response early.
    """
    try:
        pairs = [
            (_name(name), _value(value))
            for name, value in headers  # type: ignore[attr-defined]  # caught if not
        ]
    except (TypeError, ValueError):
        raise UnexpectedMessage(
            f"headers are pairs of bytes; the app sent {described(headers)}"
        ) from None
    return [header for header in pairs if header[0] not in exclude] if exclude else pairs


def _value(value: bytes) -> bytes:
    if type(value) is not bytes:
        raise TypeError
    # Nearly every value is printable, and this is quicker to see than by the search.
    if not value.decode("latin-1").isprintable() and _FORBIDDEN_IN_VALUES.search(value):
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
    """Return the content length, or None, and `headers` with at most one content-length.

    It may be repeated with the same value (RFC 9110 section 8.6).

    Raises:
        UnexpectedMessage: There are several values, or one that is not a number.
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
