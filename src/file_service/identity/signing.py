"""Sign texts, and verify that this service signed a text."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


class Signer:
    """Signs with the first of `keys` (secrets by key id), and accepts all of them.

    A signed text is `KEY_ID.PAYLOAD.MAC`: letters, digits, `-`, `_` and two dots, which URLs and
    cookies allow. The payload is JSON in base64url. The MAC is an HMAC-SHA256 of purpose, key id
    and payload, so a text that was signed for one purpose is invalid for another.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)

    def sign(self, purpose: str, payload: list[Any]) -> str:
        """Return `payload` (JSON values) as a signed text for one purpose."""
        key_id = next(iter(self._keys))
        document = json.dumps(payload, separators=(",", ":"))
        encoded = _encode(document.encode())
        mac = self._mac(purpose, key_id, encoded)
        return f"{key_id}.{encoded}.{_encode(mac)}"

    def verify(self, purpose: str, text: str) -> list[Any] | None:
        """Return the payload, or None if this service did not sign it or its key was removed."""
        key_id, _, rest = text.partition(".")
        encoded, _, mac = rest.partition(".")
        if key_id not in self._keys or not text.isascii():
            return None
        try:
            given = _decode(mac)
        except (binascii.Error, ValueError):
            return None
        expected = self._mac(purpose, key_id, encoded)
        if not hmac.compare_digest(given, expected):
            return None
        payload: list[Any] = json.loads(_decode(encoded))
        return payload

    def _mac(self, purpose: str, key_id: str, encoded: str) -> bytes:
        signed = f"file_service {purpose}\0{key_id}.{encoded}".encode()
        return hmac.digest(self._keys[key_id], signed, hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    padding = "=" * (-len(text) % 4)
    data = base64.b64decode(text + padding, altchars=b"-_", validate=True)
    if _encode(data) != text:  # Another base64 spelling of the same bytes is not accepted.
        raise ValueError(text)
    return data
