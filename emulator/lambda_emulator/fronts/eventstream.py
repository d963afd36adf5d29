"""Encode `application/vnd.amazon.eventstream`, the messages of InvokeWithResponseStream. Pure.

Format: AWS, "Event stream encoding" (Transcribe streaming guide, smithy.io): two lengths and their
CRC, headers, payload, and a CRC over everything.
"""

import json
import struct
import zlib
from typing import Final

__all__ = ["CONTENT_TYPE", "invoke_complete", "message", "payload_chunk"]

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7
_FRAMING: Final = 16
"""Bytes of the two lengths and the two checksums."""


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message. All headers are strings."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    total = _FRAMING + len(block) + len(payload)
    prelude = struct.pack(">II", total, len(block))
    checked = prelude + _checksum(prelude) + block + payload
    return checked + _checksum(checked)


def payload_chunk(data: bytes) -> bytes:
    """Return a message with some bytes of the function's answer."""
    return message(_headers("PayloadChunk", "application/octet-stream"), data)


def invoke_complete(
    *, log_result: str | None = None, error: tuple[str, str] | None = None
) -> bytes:
    """Return the last message.

    Args:
        log_result: The end of the log, as base64.
        error: The code and the details of a function's error.
    """
    fields = {}
    if log_result is not None:
        fields["LogResult"] = log_result
    if error is not None:
        fields["ErrorCode"], fields["ErrorDetails"] = error
    payload = json.dumps(fields, separators=(",", ":"))
    headers = _headers("InvokeComplete", "application/json")
    return message(headers, payload.encode())


def _checksum(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))


def _header(name: str, value: str) -> bytes:
    key = name.encode()
    data = value.encode()
    before = struct.pack(">B", len(key))
    between = struct.pack(">BH", _STRING, len(data))
    return before + key + between + data


def _headers(event: str, content_type: str) -> dict[str, str]:
    return {":event-type": event, ":content-type": content_type, ":message-type": "event"}
