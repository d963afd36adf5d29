"""Byte ranges: the Range field and its answers, RFC 9110 section 14. Pure."""

import re
from dataclasses import dataclass

# Players and readers of PDFs ask for a few dozen at most; a set that is larger is an attack (section 17.15).
MAX_RANGES = 100

# int-range = first-pos "-" [ last-pos ]; suffix-range = "-" suffix-length (sections 14.1.1 and 14.1.2)
_RANGE_SPEC = re.compile(r"([0-9]*)-([0-9]*)")


class RangeNotSatisfiable(Exception):
    """No part of the file can be sent for this Range: 416 (section 15.5.17). The message says why."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start` up to `stop` (exclusive, unlike on the wire) of a file. Never empty."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def first(self, size: int) -> "ByteRange":
        """Its first `size` bytes, or all of it when it has no more."""
        return ByteRange(self.start, min(self.stop, self.start + size))

    def content_range(self, file_size: int) -> str:
        """The Content-Range of a 206 (section 14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{file_size}"


def requested_ranges(field: str, file_size: int) -> list[ByteRange] | None:
    """What a Range field of a GET asks for, or None when it is to be ignored and the whole file sent.

    Ignored are another unit than bytes and a field that is not well-formed (both section 14.2).
    Ranges that overlap or touch are one (section 15.3.7.2), at the place of the first. Ranges
    outside of the file are dropped. Raises `RangeNotSatisfiable` when none is left, and for more
    than `MAX_RANGES`.
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
        return None  # the last bytes of an empty file are all of it; no Content-Range can say that
    raise RangeNotSatisfiable(
        f"No byte of the ranges lies within the {file_size} bytes of the file."
    )


def likely_slice(field: str) -> tuple[int, int | None]:
    """What most likely will be sent for a Range field, whatever the file: start and stop of a
    Python slice. The whole file, where there is not exactly one range."""
    specs = _parse(field)
    if not specs or len(specs) > 1:
        return 0, None
    first, last = specs[0].first, specs[0].last
    if first is None:
        return -(last or 0), None
    return first, None if last is None else last + 1


@dataclass(frozen=True, slots=True)
class _RangeSpec:
    """One element of the field. Without `first` it is a suffix: `last` is how many bytes."""

    first: int | None
    last: int | None

    @property
    def valid(self) -> bool:
        if self.first is None or self.last is None:
            return (self.first, self.last) != (None, None)
        return self.first <= self.last

    def within(self, file_size: int) -> ByteRange:
        """What it means for a file of this size. Its size is 0 or less when it lies outside."""
        if self.first is None:
            return ByteRange(max(0, file_size - (self.last or 0)), file_size)
        return ByteRange(
            self.first, file_size if self.last is None else min(self.last + 1, file_size)
        )


def _parse(field: str) -> list[_RangeSpec] | None:
    """The elements of a Range field in bytes; None when it is not one."""
    unit, _, elements = field.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    specs = []
    for element in elements.split(","):
        text = element.strip(" \t")
        if not text:
            continue  # a recipient ignores empty list elements (section 5.6.1.2)
        match = _RANGE_SPEC.fullmatch(text)
        spec = match and _RangeSpec(_position(match[1]), _position(match[2]))
        if not spec or not spec.valid:
            return None
        specs.append(spec)
    return specs


def _position(digits: str) -> int | None:
    # No file has 10^18 bytes, and int() refuses (and would take long for) thousands of digits.
    digits = digits.lstrip("0") or digits[:1]
    return None if not digits else int(digits) if len(digits) <= 18 else 10**18


def _insert(ranges: list[ByteRange], wanted: ByteRange) -> None:
    """Adds `wanted`, joined with those that it overlaps or touches; the result stays where the first of them was."""
    touching = [
        other for other in ranges if other.start <= wanted.stop and wanted.start <= other.stop
    ]
    if not touching:
        ranges.append(wanted)
        return
    parts = [*touching, wanted]
    place = ranges.index(touching[0])
    ranges[place] = ByteRange(min(part.start for part in parts), max(part.stop for part in parts))
    for other in touching[1:]:
        ranges.remove(other)
