"""Which bytes of a file a GET selects and how they are framed. Pure.

RFC 9110 sections 14 and 15.3.7.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from file_service.http.byte_ranges import ByteRange, requested_ranges
from file_service.http.conditional import if_range_holds
from file_service.http.multipart import MultipartByteRanges
from file_service.sources.base import File


class Selection(NamedTuple):
    """A body in `pieces`: ranges of the file, and bytes that frame them.

    `headers` replace the headers of the whole file.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[ByteRange | bytes]
    size: int


def select(
    fields: Mapping[str, str],
    file: File,
    media_type: str,
    now: datetime,
    at_most: int | None = None,
) -> Selection:
    """Select bytes by the Range and If-Range fields of a GET.

    Args:
        fields: The header fields by lower-case name.
        file: The file.
        media_type: The media type of the file.
        now: The present time.
        at_most: A longer single range is cut to its first `at_most` bytes. A server may send less
            than the client asked for (section 15.3.7), and media players then ask for the rest.

    Raises:
        RangeNotSatisfiable: No requested range can be sent.
    """
    ranges = None
    if "range" in fields and _holds(fields, file, now):
        ranges = requested_ranges(fields["range"], file.size)
    if ranges is None:
        headers = {"content-length": str(file.size)}
        whole = [ByteRange(0, file.size)] if file.size else []
        return Selection(200, headers, whole, file.size)
    if len(ranges) == 1:
        (one,) = ranges
        if at_most is not None:
            one = one.first(at_most)
        headers = {
            "content-length": str(one.size),
            "content-range": one.content_range(file.size),
        }
        return Selection(206, headers, [one], one.size)
    boundary = secrets.token_hex(16)
    return _multipart(MultipartByteRanges(ranges, file.size, media_type, boundary))


def _holds(fields: Mapping[str, str], file: File, now: datetime) -> bool:
    if_range = fields.get("if-range")
    if if_range is None:
        return True
    return if_range_holds(if_range, file.etag, file.modified, now)


def _multipart(body: MultipartByteRanges) -> Selection:
    pieces: list[ByteRange | bytes] = []
    for byte_range in body.ranges:
        pieces += [body.part_head(byte_range), byte_range]
    pieces.append(body.tail)
    size = body.content_length
    headers = {"content-length": str(size), "content-type": body.content_type}
    return Selection(206, headers, pieces, size)
