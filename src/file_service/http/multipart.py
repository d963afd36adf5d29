"""The media type multipart/byteranges, RFC 9110 section 14.6. Pure."""

from dataclasses import dataclass

from file_service.http.byte_ranges import ByteRange


@dataclass(frozen=True, slots=True)
class MultipartByteRanges:
    """The framing of several ranges of one file.

    The bytes of each range follow its `part_head`. `tail` ends the body.
    """

    ranges: list[ByteRange]
    file_size: int
    media_type: str
    boundary: str  # Random, because the ranges are not searched for it.

    @property
    def content_type(self) -> str:
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def content_length(self) -> int:
        size = len(self.tail)
        for byte_range in self.ranges:
            size += len(self.part_head(byte_range)) + byte_range.size
        return size

    def part_head(self, byte_range: ByteRange) -> bytes:
        return (
            f"\r\n--{self.boundary}\r\n"
            f"Content-Type: {self.media_type}\r\n"
            f"Content-Range: {byte_range.content_range(self.file_size)}\r\n\r\n"
        ).encode()

    @property
    def tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
