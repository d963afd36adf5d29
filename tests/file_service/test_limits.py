"""What Lambda cannot carry is decided before the first byte: streamed, redirected or refused."""

import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from file_service.limits import MIB, StreamLimits, ranges_to_ask_for
from file_service.settings import Settings
from tests.file_service.asgi import app_over, call, log_lines
from tests.file_service.memory_source import MemorySource

LIMITS = Settings().stream_limits
SMALL = {
    "stream_max_bytes": 4 * MIB,
    "stream_burst_bytes": MIB,
    "stream_bytes_per_second": MIB,
    "stream_margin_seconds": 1,
}


@pytest.mark.parametrize(
    ("seconds_left", "due"),
    [
        (300, 200 * MIB - 32 * 1024),  # the size decides
        (0, 6 * MIB),  # the burst is always let through
        (2, 6 * MIB),  # the margin
        (12, 26 * MIB),  # 6 MiB at once, 2 MiB/s for the ten seconds that are left
        (98, 198 * MIB),
        (99, 200 * MIB - 32 * 1024),
    ],
)
def test_what_can_be_sent_in_the_time_left(seconds_left: float, due: int) -> None:
    assert LIMITS.sendable(seconds_left) == due


@pytest.mark.parametrize(
    ("seconds_left", "reading_seconds", "due"),
    [
        (22, 10, 26 * MIB),  # 2 MiB/s for the ten seconds after the margin and the reading
        (12, 10, 6 * MIB),  # no time is left for more than the burst
        (11.9, 10, 0),  # the files cannot all be opened
        (1, 0, 6 * MIB),
    ],
)
def test_the_time_to_open_many_files_is_taken_off(
    seconds_left: float, reading_seconds: float, due: int
) -> None:
    assert LIMITS.sendable(seconds_left, reading_seconds) == due


def test_the_largest_body_and_its_prelude_stay_below_the_recorded_cut() -> None:
    assert LIMITS.max_bytes + 16 * 1024 + 8 < 200 * MIB


@given(st.integers(1, 10**13), st.integers(1, 300 * MIB))
def test_the_ranges_to_ask_for_fit_and_meet(size: int, sendable: int) -> None:
    step, ranges = ranges_to_ask_for(size, sendable)
    assert step <= max(MIB, sendable)
    position = 0
    for each in ranges:
        first, last = map(int, each.removeprefix("bytes=").split("-"))
        assert first == position
        assert last - first < step
        position = last + 1
    assert position == size or len(ranges) == 100


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(
        {"large.bin": bytes(5 * MIB), "small.bin": bytes(MIB // 2)}, chunk_bytes=MIB
    )


@pytest.fixture
def app(source: MemorySource, caplog: pytest.LogCaptureFixture) -> Iterator[FastAPI]:
    with caplog.at_level(logging.INFO, "file_service.access"):
        yield app_over(source, **SMALL)


def test_elsewhere_nothing_is_too_large(
    source: MemorySource, caplog: pytest.LogCaptureFixture
) -> None:
    """A Web Function has no published limit, and a plain server has none."""
    with caplog.at_level(logging.INFO, "file_service.access"):
        assert call(app_over(source), "/files/large.bin").length == str(5 * MIB)
    (line,) = log_lines(caplog)
    assert (line["decision"], line["selected"], line["sent"]) == ("stream", 5 * MIB, 5 * MIB)
    assert "sendable" not in line


def test_a_limit_that_is_set_holds_everywhere(app: FastAPI) -> None:
    assert call(app, "/files/small.bin").status == 200
    refused = call(app, "/files/large.bin")
    assert (refused.status, refused.json()["max_bytes"]) == (413, 4 * MIB)


def test_what_fits_is_streamed(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    answer = call(app, "/files/small.bin", seconds_left=300)
    assert (answer.status, len(answer.body)) == (200, MIB // 2)
    (line,) = log_lines(caplog)
    assert (line["decision"], line["sendable"], line["request_id"]) == (
        "stream",
        4 * MIB,
        "request-1",
    )


def test_what_does_not_fit_goes_to_a_presigned_url(
    app: FastAPI, source: MemorySource, caplog: pytest.LogCaptureFixture
) -> None:
    source.signed_url = "https://bucket.example"
    answer = call(app, "/files/large.bin", seconds_left=300)
    assert answer.status == 307
    assert answer.headers["location"] == "https://bucket.example/large.bin?seconds=900"
    assert answer.headers["cache-control"] == "no-store"
    assert log_lines(caplog)[0]["decision"] == "redirect"


def test_what_does_not_fit_and_cannot_be_signed_is_refused_with_the_ranges_to_ask_for(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call(app, "/files/large.bin", seconds_left=300)
    assert answer.status == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["accept-ranges"] == "bytes"
    problem = answer.json()
    assert problem["title"] == "Content Too Large"
    assert (problem["size"], problem["max_bytes"], problem["range_bytes"]) == (
        5 * MIB,
        4 * MIB,
        4 * MIB,
    )
    assert problem["ranges"] == [f"bytes=0-{4 * MIB - 1}", f"bytes={4 * MIB}-{5 * MIB - 1}"]
    assert log_lines(caplog)[0]["decision"] == "refuse"
    fetched = [
        call(
            app,
            "/files/large.bin",
            {"range": each, "if-range": problem["if_range"]},
            seconds_left=300,
        )
        for each in problem["ranges"]
    ]
    assert [part.status for part in fetched] == [206, 206]
    assert b"".join(part.body for part in fetched) == bytes(5 * MIB)


def test_it_is_the_selected_bytes_that_count(app: FastAPI) -> None:
    assert (
        call(app, "/files/large.bin", {"range": f"bytes=0-{4 * MIB - 1}"}, seconds_left=300).status
        == 206
    )
    assert (
        call(app, "/files/large.bin", {"range": f"bytes=0-{4 * MIB}"}, seconds_left=300).status
        == 413
    )
    two = f"bytes=0-{2 * MIB - 1},{3 * MIB}-{5 * MIB - 1}"  # together 4 MiB, and the framing on top
    assert call(app, "/files/large.bin", {"range": two}, seconds_left=300).status == 413


def test_little_time_left_makes_large_what_was_not(app: FastAPI) -> None:
    three = {"range": f"bytes=0-{3 * MIB - 1}"}
    assert call(app, "/files/large.bin", three, seconds_left=3.1).status == 206
    refused = call(app, "/files/large.bin", three, seconds_left=2.5)
    assert (refused.status, refused.json()["max_bytes"]) == (413, int(2.5 * MIB))


def test_a_head_and_a_condition_carry_no_body_and_are_always_answered(app: FastAPI) -> None:
    head = call(app, "/files/large.bin", method="HEAD", seconds_left=300)
    assert (head.status, head.length) == (200, str(5 * MIB))
    tag = head.headers["etag"]
    assert call(app, "/files/large.bin", {"if-none-match": tag}, seconds_left=300).status == 304
    assert call(app, "/files/large.bin", {"if-match": '"x"'}, seconds_left=300).status == 412


def test_an_archive_is_measured_before_it_is_begun(
    app: FastAPI, source: MemorySource, caplog: pytest.LogCaptureFixture
) -> None:
    refused = call(app, "/archives/", seconds_left=300)
    assert (refused.status, refused.json()["max_bytes"]) == (413, 4 * MIB)
    head = call(app, "/archives/", method="HEAD", seconds_left=300)
    assert head.length == str(refused.json()["size"])
    assert log_lines(caplog)[0]["decision"] == "refuse"
    assert call(app_over(source), "/archives/").length == head.length


def test_limits_are_numbers_to_set() -> None:
    assert StreamLimits(10, 2, 1, 0.0).sendable(3) == 5
