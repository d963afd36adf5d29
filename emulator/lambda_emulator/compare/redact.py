"""Removes what is personal from a result: addresses, names of endpoints, accounts, ids. Pure."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["redacted"]

_PATTERNS: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b(?:[a-z0-9-]+\.)+on\.aws\b(?::\d+)?", re.IGNORECASE), "<endpoint>"),
    (re.compile(r"\barn:[a-z-]+:\S+"), "<arn>"),
    (re.compile(r"\b\d{12}\b"), "<account>"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "<key>"),
)
_ADDRESS: Final = re.compile(r"[0-9a-fA-F.:]{2,45}")


def redacted(value: Any) -> Any:
    """A value of JSON with the same shape."""
    if isinstance(value, str):
        for pattern, word in _PATTERNS:
            value = pattern.sub(word, value)
        return _ADDRESS.sub(_without_address, value)
    if isinstance(value, Mapping):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def _without_address(found: re.Match[str]) -> str:
    host, colon, port = found[0].rpartition(":")
    for text, rest in ((found[0], ""), (host, f"{colon}<port>" if port.isdigit() else "")):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if address.is_loopback or address.is_unspecified or address.is_link_local:
            return found[0] if not rest else f"{text}{rest}"
        return f"<address>{rest}"
    return found[0]
