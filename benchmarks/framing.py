"""What a runtime sent, taken apart: chunks, prelude, content.

Pure, and done when the clock has stopped.
"""

import base64
import json
from collections.abc import Iterable, Iterator

DELIMITER = b"\0" * 8


class Dechunker:
    """Feed a chunked body in pieces of any size; each time, the data that the piece brought."""

    def __init__(self) -> None:
        self._line = b""
        self._left = 0
        """Bytes still to come of the chunk under way, the CRLF behind it included."""
        self.ended = False

    def feed(self, piece: bytes) -> bytes:
        wire, self._line = self._line + piece, b""
        data = []
        position = 0
        while position < len(wire) and not self.ended:
            if self._left:
                taken = wire[position : position + self._left]
                data.append(taken[: max(0, self._left - 2)])
                self._left -= len(taken)
                position += len(taken)
                continue
            end = wire.find(b"\r\n", position)
            if end < 0:
                self._line = wire[position:]
                break
            size = int(wire[position:end].partition(b";")[0], 16)
            self._left = size + 2 if size else 0
            self.ended = not size
            position = end + 2
        return b"".join(data)


def content_of_result(result: bytes) -> bytes:
    """What the client gets of a buffered result, JSON in payload format 2.0."""
    document = json.loads(result)
    body = document.get("body", "")
    return base64.b64decode(body) if document.get("isBase64Encoded") else str(body).encode()


def content_of_stream(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What the client gets of a chunked body that begins with a prelude.

    Raises ValueError where there is none, where it is not that of a 200,
    and where the body has no end.
    """
    dechunker = Dechunker()
    data = map(dechunker.feed, pieces)
    before = b""
    for piece in data:
        before += piece
        if DELIMITER in before:
            break
    prelude, delimiter, content = before.partition(DELIMITER)
    if not delimiter or json.loads(prelude).get("statusCode") != 200:
        raise ValueError(f"not the prelude of a 200: {prelude[:300]!r}")
    yield content
    yield from data
    if not dechunker.ended:
        raise ValueError("the chunked body has no end")


def arrivals(pieces: Iterable[tuple[float, bytes]]) -> list[tuple[int, float]]:
    """(bytes of content so far, when): for each piece of a stream that brought any."""
    dechunker = Dechunker()
    before, total, in_content = b"", 0, False
    seen = []
    for when, piece in pieces:
        data = dechunker.feed(piece)
        if not in_content:
            before += data
            _, delimiter, data = before.partition(DELIMITER)
            in_content = bool(delimiter)
        if in_content and data:
            total += len(data)
            seen.append((total, when))
    return seen
