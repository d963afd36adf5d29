"""Response bodies made of records: server-sent events and NDJSON. Pure.

Each record is complete by itself, so one more record can tell the reader that the body was cut.
That helps because a Function URL and a Web Function both make a cut stream look complete. The
runtime's response and the middleware in `stream_safety` use this module.
"""

from collections.abc import Mapping
from typing import Self

from lambda_asgi._asgi import RawHeaders

_EVENT_STREAM = b"text/event-stream"
_JSON_LINES = (
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/jsonl",
    b"application/x-jsonlines",
)

# An event ends with an empty line. A line ends with LF, CR LF or CR
# (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
_BETWEEN_EVENTS = (b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n")
_LONGEST_END = 4  # bytes, of b"\r\n\r\n"

ERROR_RECORDS = "lambda_asgi.error_records"
"""Key in `scope["extensions"]`: a layer around the app writes error records.

Layers inside of that one must not write any.
"""

HEARTBEAT = b":\n\n"
"""A comment, which readers of server-sent events ignore."""


class Records:
    """Tracks whether one body is between two records. Give every part of the body to `passed`."""

    __slots__ = ("_events", "_tail")

    def __init__(self, *, events: bool) -> None:
        self._events = events
        self._tail = b""

    @classmethod
    def of(cls, headers: RawHeaders) -> Self | None:
        """Return the records of a body with these headers (names in lower case), or None.

        None means that no record may be added: the media type has no records, the length is
        announced, or the body is encoded, so that a record would not be readable.
        """
        fields: Mapping[bytes, bytes] = dict(headers)
        if b"content-length" in fields or b"content-encoding" in fields:
            return None
        media_type = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type == _EVENT_STREAM:
            return cls(events=True)
        return cls(events=False) if media_type in _JSON_LINES else None

    def passed(self, body: bytes) -> None:
        """Remember the end of this part of the body, after it was sent."""
        self._tail = (self._tail + body[-_LONGEST_END:])[-_LONGEST_END:]

    def heartbeat(self) -> bytes:
        """Return a comment to send in a quiet body. It is empty inside a record, and for NDJSON."""
        return HEARTBEAT if self._events and self._between_records() else b""

    def error(self, error_type: str) -> bytes:
        """Return the error record. It begins with a separator if the last record is incomplete."""
        if self._events:
            end = b"" if self._between_records() else b"\n\n"
            return b'%bevent: error\ndata: {"errorType":"%b"}\n\n' % (end, error_type.encode())
        end = b"" if self._between_records() else b"\n"
        return b'%b{"error":{"errorType":"%b"}}\n' % (end, error_type.encode())

    def _between_records(self) -> bool:
        return not self._tail or self._tail.endswith(_BETWEEN_EVENTS if self._events else b"\n")
