"""Byte ranges: the Range field and its responses, RFC 9110 section 14. Pure."""

import re
from typing import NamedTuple

# Media players and PDF readers ask for a few dozen ranges. More are an attack (section 17.15).
MAX_RANGES = 100

# int-range = first-pos "-" [ last-pos ]
# suffix-range = "-" suffix-length (sections 14.1.1 and 14.1.2)
_RANGE_SPEC = re.compile(r"([0-9]*)-([0-9]*)")


class RangeNotSatisfiable(Exception):
    """No range can be sent: the response is a 416 (section 15.5.17). The message says why."""


class ByteRange(NamedTuple):
    """Bytes `start` up to `stop` of a file, never empty. `stop` is exclusive, unlike in HTTP."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return self.stop - self.start

    def first(self, size: int) -> "ByteRange":
        """Return the first `size` bytes of this range, or the whole range if it is shorter."""
        stop = min(self.stop, self.start + size)
        return ByteRange(self.start, stop)

    def touches(self, other: "ByteRange") -> bool:
        """Return whether both overlap, or are next to each other."""
        return self.start <= other.stop and other.start <= self.stop

    def content_range(self, file_size: int) -> str:
        """Return the Content-Range field of a 206 (section 14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{file_size}"


def requested_ranges(field: str, file_size: int) -> list[ByteRange] | None:
    """Return the ranges that a Range field asks for, or None if the field must be ignored.

    A field is ignored if its unit is not bytes or if it is malformed (section 14.2). Ranges that
    overlap or touch become one range, at the place of the first (section 15.3.7.2). Ranges outside
    of the file are dropped.

    Args:
        field: The value of the Range field of a GET.
        file_size: The size of the file in bytes.

    Raises:
        RangeNotSatisfiable: No range is left, or there are more than `MAX_RANGES`.
    """
    specs = _parse(field)
    if not specs:
        return None
    if len(specs) > MAX_RANGES:
        raise RangeNotSatisfiable(f"More than {MAX_RANGES} ranges.")
    ranges: list[ByteRange] = []
    for spec in specs:
        wanted = spec.within(file_size)
        if wanted.size > 0:
            _insert(ranges, wanted)
    if ranges:
        return ranges
    if not file_size and any(spec.first is None and spec.last for spec in specs):
        # The last bytes of an empty file are the whole file. Content-Range cannot express that.
        return None
    raise RangeNotSatisfiable(
        f"No byte of the ranges lies within the {file_size} bytes of the file."
    )


def likely_slice(field: str) -> tuple[int, int | None]:
    """Guess which bytes a Range field selects, without knowing the file.

    Returns:
        Start and stop of a Python slice. It is the whole file unless there is exactly one range.
    """
    specs = _parse(field)
    if not specs or len(specs) > 1:
        return 0, None
    (spec,) = specs
    if spec.first is None:
        return -(spec.last or 0), None
    if spec.last is None:
        return spec.first, None
    return spec.first, spec.last + 1


class _RangeSpec(NamedTuple):
    """One element of the field. A suffix has no `first`, and its `last` is the number of bytes."""

    first: int | None
    last: int | None

    @property
    def valid(self) -> bool:
        if self.first is None or self.last is None:
            return (self.first, self.last) != (None, None)
        return self.first <= self.last

    def within(self, file_size: int) -> ByteRange:
        """Return the range in a file of this size.

        Its size is 0 or less if it is outside of the file.
        """
        if self.first is None:
            start = file_size - (self.last or 0)
            return ByteRange(max(0, start), file_size)
        if self.last is None:
            return ByteRange(self.first, file_size)
        return ByteRange(self.first, min(self.last + 1, file_size))


def _parse(field: str) -> list[_RangeSpec] | None:
    """Return the elements of a Range field in bytes.

    The result is None if the field is malformed or has another unit.
    """
    unit, _, elements = field.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    specs = []
    for element in elements.split(","):
        text = element.strip(" \t")
        if not text:
            continue  # A recipient ignores empty list elements (section 5.6.1.2).
        match = _RANGE_SPEC.fullmatch(text)
        if match is None:
            return None
        first, last = map(_position, match.groups())
        spec = _RangeSpec(first, last)
        if not spec.valid:
            return None
        specs.append(spec)
    return specs


def _position(digits: str) -> int | None:
    # No file has 10^18 bytes. int() is slow for thousands of digits, and then refuses them.
    digits = digits.lstrip("0") or digits[:1]
    if not digits:
        return None
    return int(digits) if len(digits) <= 18 else 10**18


def _insert(ranges: list[ByteRange], wanted: ByteRange) -> None:
    """Add `wanted`, merged with ranges that it overlaps or touches, at the place of the first."""
    touching = [other for other in ranges if other.touches(wanted)]
    if not touching:
        ranges.append(wanted)
        return
    parts = [*touching, wanted]
    start = min(part.start for part in parts)
    stop = max(part.stop for part in parts)
    place = ranges.index(touching[0])
    ranges[place] = ByteRange(start, stop)
    for other in touching[1:]:
        ranges.remove(other)
