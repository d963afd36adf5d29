"""Records, and what a reader makes of a body that ends with one."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._records import Records

EVENTS: RawHeaders = [(b"content-type", b"text/event-stream; charset=utf-8")]
LINES: RawHeaders = [(b"content-type", b"application/x-ndjson")]


def records(headers: RawHeaders, *parts: bytes) -> Records:
    found = Records.of(headers)
    assert found is not None
    for part in parts:
        found.passed(part)
    return found


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/json")],
        [*EVENTS, (b"content-length", b"100")],
        [*EVENTS, (b"content-encoding", b"gzip")],
        [*LINES, (b"content-length", b"0")],
    ],
)
def test_bodies_without_a_place_for_a_record(headers: RawHeaders) -> None:
    assert Records.of(headers) is None


@pytest.mark.parametrize(
    "media_type", [b"text/event-stream", b"Text/Event-Stream;charset=utf-8", b"application/jsonl"]
)
def test_media_types_are_case_insensitive_and_may_have_parameters(media_type: bytes) -> None:
    assert Records.of([(b"content-type", media_type)]) is not None


@pytest.mark.parametrize(
    ("parts", "heartbeat"),
    [
        ([], True),
        ([b"data: 1\n\n"], True),
        ([b"data: 1\r\n\r\n"], True),
        ([b"data: 1\r\r"], True),
        ([b"data: 1\n", b"\n"], True),
        ([b"data: 1\r\n", b"\r", b"\n"], True),
        ([b"data: 1\n"], False),
        ([b"data: 1"], False),
        ([b"data: 1\r\n"], False),
        ([b"data: 1\n\ndata: 2\n"], False),
    ],
)
def test_a_heartbeat_never_breaks_an_event(parts: list[bytes], heartbeat: bool) -> None:
    assert records(EVENTS, *parts).heartbeat() == (b":\n\n" if heartbeat else b"")


def test_json_lines_have_no_heartbeat() -> None:
    assert records(LINES, b"{}\n").heartbeat() == b""


def read_events(body: bytes) -> list[tuple[str, str]]:
    """Return (type, data) of each event, parsed as specified. It shares no code with ours."""
    events: list[tuple[str, str]] = []
    kind, data = "message", list[str]()
    for line in re.split("\r\n|\n|\r", body.decode()):
        field, _, value = line.partition(":")
        if line == "":
            if data:
                events.append((kind, "\n".join(data)))
            kind, data = "message", []
        elif field == "event":
            kind = value.removeprefix(" ")
        elif field == "data":
            data.append(value.removeprefix(" "))
    return events


@given(
    parts=st.lists(st.text("ab: \n\r", max_size=6).map(str.encode), max_size=6),
    beats=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_a_reader_sees_the_events_that_were_sent_and_then_the_error(
    parts: list[bytes], beats: list[bool]
) -> None:
    body, found = b"", records(EVENTS)
    for part, beat in zip(parts, beats, strict=False):
        body += part
        found.passed(part)
        if beat:
            body += found.heartbeat()
    sent = b"".join(parts)
    *before, last = read_events(body + found.error("Runtime.Test"))
    assert last == ("error", '{"errorType":"Runtime.Test"}')
    # A record that was begun is read as an event: the error record's empty line ends it.
    assert before == read_events(sent + b"\n\n")


@given(
    whole=st.lists(st.integers().map(lambda number: b'{"number":%d}\n' % number)),
    cut=st.sampled_from([b"", b'{"nu']),
)
def test_a_reader_of_json_lines_sees_the_error_last(whole: list[bytes], cut: bytes) -> None:
    sent = [*whole, cut] if cut else whole
    body = b"".join(sent) + records(LINES, *sent).error("Runtime.Test")
    lines = body.splitlines()
    assert json.loads(lines[-1]) == {"error": {"errorType": "Runtime.Test"}}
    assert len(lines) == len(sent) + 1
