"""The media type multipart/byteranges, RFC 9110 section 14.6. Pure."""

from typing import NamedTuple

from file_service.http.byte_ranges import ByteRange


class MultipartByteRanges(NamedTuple):
    """The framing of several ranges of one file, for a response with status 206.

    The body is, for each range, its `part_head` and its bytes, and then `tail`.
    """

    ranges: list[ByteRange]
    file_size: int
    media_type: str
    boundary: str  # Random, because the ranges are not searched for it.

    @property
    def content_type(self) -> str:
        """Return the Content-Type of the response. Each part has the file's `media_type`."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def content_length(self) -> int:
        """Return the size of the whole body in bytes: framing and ranges."""
        size = len(self.tail)
        for byte_range in self.ranges:
            size += len(self.part_head(byte_range)) + byte_range.size
        return size

    def part_head(self, byte_range: ByteRange) -> bytes:
        """Return what precedes the bytes of this range."""
        return (
            f"\r\n--{self.boundary}\r\n"
            f"Content-Type: {self.media_type}\r\n"
            f"Content-Range: {byte_range.content_range(self.file_size)}\r\n\r\n"
        ).encode()

    @property
    def tail(self) -> bytes:
        """Return what follows the last range."""
        return f"\r\n--{self.boundary}--\r\n".encode()
