"""Read names and secrets from request headers. Pure."""

import base64
import binascii
from collections.abc import Mapping

from file_service.identity.users import TOKEN_USER

# A header that AWS does not remove: CloudFront replaces Authorization with its own signature, and a
# Function URL with IAM removes it.
TOKEN_HEADER = "x-file-token"


Reading = tuple[str, str]
"""A name and a secret that a request may mean."""


def presented(headers: Mapping[str, str]) -> list[Reading] | None:
    """Return the readings of the request's credentials, or None if it has none.

    A text with a colon is either a name and a secret, or a secret of `TOKEN_USER` that has a colon.
    """
    if TOKEN_HEADER in headers:
        return _readings(_text(headers[TOKEN_HEADER].strip()))
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":  # RFC 6750
            return _readings(_text(value.strip()))
        case "basic":  # RFC 7617
            return _basic(value.strip())
        case _:  # No credentials, or a signature from a front door
            return None


def _readings(text: str) -> list[Reading]:
    readings = [(TOKEN_USER, text)]
    name, colon, secret = text.partition(":")
    if colon:
        readings.append((name, secret))
    return readings


def _basic(value: str) -> list[Reading]:
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return []
    name, colon, secret = pair.partition(":")
    return [(name or TOKEN_USER, secret)] if colon else []


def _text(value: str) -> str:
    """Decode a header as UTF-8. Servers pass headers on as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return value
