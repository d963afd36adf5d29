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


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message. All headers are strings."""
    block = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return checked + struct.pack(">I", zlib.crc32(checked))


def payload_chunk(data: bytes) -> bytes:
    """Return a message with some bytes of the function's answer."""
    return message(_headers("PayloadChunk", "application/octet-stream"), data)


def invoke_complete(
    *, log_result: str | None = None, error: tuple[str, str] | None = None
) -> bytes:
    """Return the last message. `log_result` is base64. `error` has a code and details."""
    fields = {"LogResult": log_result} if log_result is not None else {}
    if error is not None:
        fields |= {"ErrorCode": error[0], "ErrorDetails": error[1]}
    return message(
        _headers("InvokeComplete", "application/json"),
        json.dumps(fields, separators=(",", ":")).encode(),
    )


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(f">B{len(name)}sBH", len(name), name, _STRING, len(value)) + value


def _headers(event: str, content_type: str) -> dict[str, str]:
    return {":event-type": event, ":content-type": content_type, ":message-type": "event"}
