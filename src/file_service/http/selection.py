"""Which bytes of a file a GET selects, and how they are framed, RFC 9110 sections 14 and 15.3.7. Pure."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from file_service.http.byte_ranges import ByteRange, requested_ranges
from file_service.http.conditional import if_range_holds
from file_service.http.multipart import MultipartByteRanges
from file_service.sources.base import File


@dataclass(frozen=True, slots=True)
class Selection:
    """A body in `pieces`: ranges of the file, and bytes that frame them. `headers` replace those of the whole file."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[ByteRange | bytes]
    size: int


def select(fields: Mapping[str, str], file: File, media_type: str) -> Selection:
    """What the Range and If-Range of a GET select. Raises `RangeNotSatisfiable`."""
    ranges = None
    if "range" in fields and if_range_holds(fields.get("if-range", file.etag), file.etag, file.modified):
        ranges = requested_ranges(fields["range"], file.size)
    if ranges is None:
        whole = [ByteRange(0, file.size)] if file.size else []
        return Selection(200, {"content-length": str(file.size)}, whole, file.size)
    if len(ranges) == 1:
        one = ranges[0]
        headers = {"content-length": str(one.size), "content-range": one.content_range(file.size)}
        return Selection(206, headers, ranges, one.size)
    return _multipart(MultipartByteRanges(ranges, file.size, media_type, boundary=secrets.token_hex(16)))


def _multipart(body: MultipartByteRanges) -> Selection:
    pieces: list[ByteRange | bytes] = []
    for byte_range in body.ranges:
        pieces += [body.part_head(byte_range), byte_range]
    pieces.append(body.tail)
    headers = {"content-length": str(body.content_length), "content-type": body.content_type}
    return Selection(206, headers, pieces, body.content_length)
