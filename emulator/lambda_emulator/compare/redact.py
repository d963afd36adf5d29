"""Removes what is personal from a result: addresses, names of endpoints, accounts, ids. Pure."""

import ipaddress
import re
from collections.abc import Collection, Mapping
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


def redacted(value: Any, *, keep: Collection[str] = ()) -> Any:
    """Return a value of JSON with the same shape. Texts in `keep` are placeholders already."""
    if isinstance(value, str):
        return value if value in keep else _redacted_text(value)
    if isinstance(value, Mapping):
        return {key: redacted(item, keep=keep) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, keep=keep) for item in value]
    return value


def _redacted_text(text: str) -> str:
    for pattern, word in _PATTERNS:
        text = pattern.sub(word, text)
    return _ADDRESS.sub(_without_address, text)


def _without_address(found: re.Match[str]) -> str:
    whole = found[0]
    host, colon, port = whole.rpartition(":")
    shown_port = f"{colon}<port>" if port.isdigit() else ""
    for text, rest in ((whole, ""), (host, shown_port)):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        is_local = address.is_loopback or address.is_unspecified or address.is_link_local
        shown = text if is_local else "<address>"
        return f"{shown}{rest}"
    return whole
