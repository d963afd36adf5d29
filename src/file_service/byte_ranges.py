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

    def content_range(self, file_size: int) -> str:
        """The Content-Range of a 206 (section 14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{file_size}"


def requested_ranges(field: str, file_size: int) -> list[ByteRange] | None:
    """What a Range field of a GET asks for, or None when it is to be ignored and the whole file sent.

    Ignored are another unit than bytes (section 14.2) and a field that is not well-formed (allowed by section 14.2).
    Ranges that overlap or touch are one (section 15.3.7.2), at the place of the first; those outside of the file are
    dropped. Raises `RangeNotSatisfiable` when none is left, and for more than `MAX_RANGES`.
    """
    unit, equals, specs = field.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None
    ranges: list[ByteRange] = []
    whole_by_suffix = False
    asked = 0
    for spec in specs.split(","):
        spec = spec.strip(" \t")
        if not spec:
            continue  # a recipient ignores empty list elements (section 5.6.1.2)
        match = _RANGE_SPEC.fullmatch(spec)
        if match is None:
            return None
        first, last = (_position(digits) for digits in match.groups())
        if (first is None and last is None) or (first is not None and last is not None and last < first):
            return None
        asked += 1
        if asked > MAX_RANGES:
            raise RangeNotSatisfiable(f"More than {MAX_RANGES} ranges.")
        if first is None:
            # A suffix longer than the file is all of it; of an empty file that is nothing a Content-Range could say.
            whole_by_suffix |= bool(last) and not file_size
            wanted = ByteRange(max(0, file_size - (last or 0)), file_size)
        else:
            wanted = ByteRange(first, file_size if last is None else min(last + 1, file_size))
        if wanted.size > 0:
            _insert(ranges, wanted)
    if ranges:
        return ranges
    if whole_by_suffix or not asked:
        return None
    raise RangeNotSatisfiable(f"No byte of the ranges lies within the {file_size} bytes of the file.")


def _position(digits: str) -> int | None:
    # No file has 10^20 bytes, and int() refuses (and would take long for) thousands of digits.
    digits = digits.lstrip("0") or digits[:1]
    return None if not digits else int(digits) if len(digits) <= 20 else 10**20


def _insert(ranges: list[ByteRange], wanted: ByteRange) -> None:
    """Adds `wanted`, joined with those that it overlaps or touches; the result stays where the first of them was."""
    touching = [other for other in ranges if other.start <= wanted.stop and wanted.start <= other.stop]
    if not touching:
        ranges.append(wanted)
        return
    parts = [*touching, wanted]
    place = ranges.index(touching[0])
    ranges[place] = ByteRange(min(part.start for part in parts), max(part.stop for part in parts))
    for other in touching[1:]:
        ranges.remove(other)
