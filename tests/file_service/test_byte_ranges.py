import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from file_service.http.byte_ranges import (
    MAX_RANGES,
    ByteRange,
    RangeNotSatisfiable,
    likely_slice,
    requested_ranges,
)
from file_service.http.multipart import MultipartByteRanges
from file_service.http.selection import Selection, select
from file_service.sources import File

positions = st.one_of(st.integers(0, 60), st.integers(0, 10**30)).map(str)
specs = st.one_of(
    st.tuples(positions, positions).map("-".join),
    positions.map(lambda first: f"{first}-"),
    positions.map(lambda length: f"-{length}"),
)


def positions_of(spec: str, size: int) -> set[int]:
    """Return the positions that one range selects, byte by byte (section 14.1.2)."""
    first, last = spec.split("-")
    if not first:
        return set(range(size)[-int(last) :]) if int(last) else set()
    return {
        position
        for position in range(size)
        if position >= int(first) and (not last or position <= int(last))
    }


@given(st.lists(specs, min_size=1, max_size=8), st.integers(0, 50))
def test_a_set_of_ranges_selects_the_bytes_it_names(wanted: list[str], size: int) -> None:
    reversed_range = any(
        int(a) > int(b) for a, b in (spec.split("-") for spec in wanted) if a and b
    )
    named = set().union(*(positions_of(spec, size) for spec in wanted))
    try:
        ranges = requested_ranges(f"bytes={','.join(wanted)}", size)
    except RangeNotSatisfiable:
        assert not reversed_range
        assert not named
        return
    if ranges is None:
        assert reversed_range or (not size and any(spec.startswith("-") for spec in wanted))
        return
    selected = [position for each in ranges for position in range(each.start, each.stop)]
    assert sorted(selected) == sorted(named)  # none twice, none missing, none more
    assert all(0 <= each.start < each.stop <= size for each in ranges)


@pytest.mark.parametrize(
    ("field", "due"),
    [
        ("0-4,5-9", [(0, 10)]),  # they touch
        ("5-9,0-4", [(0, 10)]),
        ("0-4,6-9", [(0, 5), (6, 10)]),  # a byte is between them
        ("6-9,0-4", [(6, 10), (0, 5)]),
        ("0-5,5-9", [(0, 10)]),  # they overlap
        ("0-1,8-9,2-7", [(0, 10)]),
        ("8-9,0-1,2-3", [(8, 10), (0, 4)]),
    ],
)
def test_ranges_that_touch_become_one(field: str, due: list[tuple[int, int]]) -> None:
    ranges = requested_ranges(f"bytes={field}", 20)
    assert ranges is not None
    assert [(each.start, each.stop) for each in ranges] == due


@pytest.mark.parametrize(
    ("field", "size", "due"),
    [
        ("-0", 10, "No byte of the ranges lies within the 10 bytes of the file."),
        ("10-", 10, "No byte of the ranges lies within the 10 bytes of the file."),
        ("0-", 0, "No byte of the ranges lies within the 0 bytes of the file."),
        ("-0", 0, "No byte of the ranges lies within the 0 bytes of the file."),
        ("0-0," * MAX_RANGES + "0-0", 10, f"More than {MAX_RANGES} ranges."),
        ("999999999999999999-", 10**18, None),  # 18 digits are read
        ("9" * 19 + "-", 10**18, f"No byte of the ranges lies within the {10**18} bytes"),
        ("1" + "0" * 18 + "-", 10**18 + 1, None),
    ],
)
def test_ranges_that_cannot_be_sent(field: str, size: int, due: str | None) -> None:
    if due is None:
        assert requested_ranges(f"bytes={field}", size) == [ByteRange(size - 1, size)]
    else:
        with pytest.raises(RangeNotSatisfiable, match=re.escape(due)):
            requested_ranges(f"bytes={field}", size)


@pytest.mark.parametrize(
    ("field", "due"),
    [
        ("0-0," * (MAX_RANGES - 1) + "0-0", [ByteRange(0, 1)]),
        (", \t2-3\t , ,5-6", [ByteRange(2, 4), ByteRange(5, 7)]),
        ("002-003", [ByteRange(2, 4)]),
        ("00-00", [ByteRange(0, 1)]),
        ("0" * 30 + "2-" + "0" * 30 + "3", [ByteRange(2, 4)]),
        ("\n2-3", None),
        ("X2-3", None),
        ("-", None),
    ],
)
def test_the_elements_of_a_field(field: str, due: list[ByteRange] | None) -> None:
    assert requested_ranges(f"bytes={field}", 10) == due


def test_the_last_bytes_of_an_empty_file_are_the_whole_file() -> None:
    assert requested_ranges("bytes=-5", 0) is None


@pytest.mark.parametrize(
    ("field", "due"),
    [
        ("bytes=-0", b"abcdefghij"),
        ("bytes=2-4", b"cde"),
        ("bytes=2-", b"cdefghij"),
        ("bytes=-3", b"hij"),
        ("bytes=0-0", b"a"),
        ("bytes=0-1,4-5", b"abcdefghij"),
        ("lines=2-4", b"abcdefghij"),
        ("", b"abcdefghij"),
    ],
)
def test_the_likely_slice(field: str, due: bytes) -> None:
    start, stop = likely_slice(field)
    assert b"abcdefghij"[start:stop] == due


@given(
    st.text() | st.text("bytes=-,0123456789 \t").map(lambda text: f"bytes={text}"),
    st.integers(0, 100),
)
@example("bytes=" + "9" * 10_000 + "-", 10)
@example("bytes=٣-", 10)
def test_no_field_does_harm(field: str, size: int) -> None:
    try:
        ranges = requested_ranges(field, size)
    except RangeNotSatisfiable:
        return
    assert ranges is None or 0 < len(ranges) <= MAX_RANGES


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda pair: pair[0] < pair[1]),
        min_size=2,
    ),
    st.text("abcdef", min_size=1),
)
def test_the_length_of_a_multipart_body_is_known_before_it_is_made(
    pairs: list[tuple[int, int]], boundary: str
) -> None:
    multipart = MultipartByteRanges(
        [ByteRange(*pair) for pair in pairs], 100, "text/plain; charset=utf-8", boundary
    )
    body = (
        b"".join(multipart.part_head(each) + b"x" * each.size for each in multipart.ranges)
        + multipart.tail
    )
    assert multipart.content_length == len(body)


def test_the_head_and_the_tail_of_a_part() -> None:
    multipart = MultipartByteRanges([ByteRange(0, 2)], 100, "text/plain", "b")
    assert multipart.content_type == "multipart/byteranges; boundary=b"
    assert multipart.part_head(ByteRange(10, 20)) == (
        b"\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 10-19/100\r\n\r\n"
    )
    assert multipart.tail == b"\r\n--b--\r\n"


MODIFIED = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def selected(fields: dict[str, str], size: int = 10, at_most: int | None = None) -> Selection:
    file = File("a.txt", size, MODIFIED, '"tag"')
    return select(fields, file, "text/plain", MODIFIED + timedelta(hours=1), at_most)


@pytest.mark.parametrize(
    ("fields", "at_most", "due"),
    [
        ({}, None, (200, {"content-length": "10"}, [ByteRange(0, 10)], 10)),
        ({}, 3, (200, {"content-length": "10"}, [ByteRange(0, 10)], 10)),
        ({"range": "lines=1-2"}, None, (200, {"content-length": "10"}, [ByteRange(0, 10)], 10)),
        (
            {"range": "bytes=2-5"},
            None,
            (206, {"content-length": "4", "content-range": "bytes 2-5/10"}, [ByteRange(2, 6)], 4),
        ),
        (
            {"range": "bytes=2-"},
            3,
            (206, {"content-length": "3", "content-range": "bytes 2-4/10"}, [ByteRange(2, 5)], 3),
        ),
        (
            {"range": "bytes=2-5", "if-range": '"tag"'},
            None,
            (206, {"content-length": "4", "content-range": "bytes 2-5/10"}, [ByteRange(2, 6)], 4),
        ),
        (
            {"range": "bytes=2-5", "if-range": "Mon, 23 Nov 2026 05:00:00 GMT"},
            None,
            (206, {"content-length": "4", "content-range": "bytes 2-5/10"}, [ByteRange(2, 6)], 4),
        ),
        (
            {"range": "bytes=2-5", "if-range": '"other"'},
            None,
            (200, {"content-length": "10"}, [ByteRange(0, 10)], 10),
        ),
    ],
)
def test_the_selection(
    fields: dict[str, str], at_most: int | None, due: tuple[object, ...]
) -> None:
    found = selected(fields, at_most=at_most)
    assert (found.status, found.headers, found.pieces, found.size) == due


def test_the_selection_of_an_empty_file() -> None:
    assert selected({}, size=0) == Selection(200, {"content-length": "0"}, [], 0)
    with pytest.raises(RangeNotSatisfiable):
        selected({"range": "bytes=0-"}, size=0)


def test_the_selection_of_several_ranges() -> None:
    two = {"range": "bytes=0-1,8-9"}
    found = selected(two, at_most=1)  # `at_most` is for a single range
    _, _, boundary = str(found.headers["content-type"]).partition("multipart/byteranges; boundary=")
    assert len(boundary) == 32
    head = f"\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes "
    assert found.status == 206
    assert found.pieces == [
        f"{head}0-1/10\r\n\r\n".encode(),
        ByteRange(0, 2),
        f"{head}8-9/10\r\n\r\n".encode(),
        ByteRange(8, 10),
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    sizes = (len(each) if isinstance(each, bytes) else each.size for each in found.pieces)
    assert found.headers["content-length"] == str(found.size) == str(sum(sizes))
    assert selected(two).headers["content-type"] != found.headers["content-type"]
