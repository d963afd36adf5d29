"""The names and secrets that a request carries in its headers. Pure."""

import base64
import binascii
from collections.abc import Mapping

from file_service.identity.users import TOKEN_USER

# A header that no door of AWS takes away: CloudFront overwrites Authorization with its own
# signature, and a Function URL with IAM removes it.
TOKEN_HEADER = "x-file-token"


def presented(headers: Mapping[str, str]) -> list[tuple[str, str]] | None:
    """What the name and secret may be; None when the request carries none.

    A text with a colon is a name and a secret, or a secret of `TOKEN_USER` with a colon in it.
    """
    if TOKEN_HEADER in headers:
        return _readings(_text(headers[TOKEN_HEADER].strip()))
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":  # RFC 6750
            return _readings(_text(value.strip()))
        case "basic":  # RFC 7617
            return _basic(value.strip())
        case _:  # none, or a signature that a door has put there
            return None


def _readings(text: str) -> list[tuple[str, str]]:
    name, colon, secret = text.partition(":")
    return [(TOKEN_USER, text), *([(name, secret)] if colon else [])]


def _basic(value: str) -> list[tuple[str, str]]:
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return []
    name, colon, secret = pair.partition(":")
    return [(name or TOKEN_USER, secret)] if colon else []


def _text(value: str) -> str:
    """A header's value as UTF-8, which is what people mean; headers arrive as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return value
