"""What a runtime sent is taken apart the same, however the network cut it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.framing import DELIMITER, Dechunker, arrivals, content_of_result, content_of_stream

PRELUDE = b'{"statusCode":200}' + DELIMITER
chunks = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def chunked(parts: list[bytes], extension: bytes = b"") -> bytes:
    return (
        b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts) + b"0\r\n\r\n"
    )


@st.composite
def cut(draw: st.DrawFn, wire: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    return [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True)]


@given(st.data(), chunks, st.sampled_from([b"", b";name=value"]))
def test_a_chunked_body_however_it_is_cut(
    data: st.DataObject, parts: list[bytes], extension: bytes
) -> None:
    dechunker = Dechunker()
    pieces = data.draw(cut(chunked(parts, extension)))
    assert b"".join(map(dechunker.feed, pieces)) == b"".join(parts)
    assert dechunker.ended


@given(chunks)
def test_no_part_of_a_chunked_body_is_its_end(parts: list[bytes]) -> None:
    wire = chunked(parts)
    for length in range(
        len(wire) - len(b"0\r\n\r\n") + 2
    ):  # up to the last chunk's line, without its line feed
        dechunker = Dechunker()
        dechunker.feed(wire[:length])
        assert not dechunker.ended


def test_data_is_there_as_soon_as_its_bytes_are() -> None:
    dechunker = Dechunker()
    assert [dechunker.feed(bytes([byte])) for byte in b"3\r\nabc\r\n"] == [
        b"",
        b"",
        b"",
        b"a",
        b"b",
        b"c",
        b"",
        b"",
    ]


def test_what_follows_the_end_is_no_data() -> None:
    assert Dechunker().feed(b"1\r\na\r\n0\r\nTrailer: x\r\n\r\n") == b"a"


@given(st.data(), chunks)
def test_the_content_of_a_stream_is_what_follows_the_prelude(
    data: st.DataObject, parts: list[bytes]
) -> None:
    # Content may hold the delimiter itself: only the first one counts.
    wire = chunked([PRELUDE, *parts, DELIMITER])
    assert b"".join(content_of_stream(data.draw(cut(wire)))) == b"".join(parts) + DELIMITER


@pytest.mark.parametrize("prelude_cut", range(len(PRELUDE)))
def test_a_prelude_in_two_chunks(prelude_cut: int) -> None:
    parts = [part for part in (PRELUDE[:prelude_cut], PRELUDE[prelude_cut:] + b"content") if part]
    assert b"".join(content_of_stream([chunked(parts)])) == b"content"


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (chunked([]), "not the prelude of a 200"),
        (chunked([b"content without a prelude"]), "not the prelude of a 200"),
        (chunked([b'{"statusCode":500}' + DELIMITER + b"oh"]), "not the prelude of a 200"),
        (chunked([DELIMITER]), "Expecting value"),
        (chunked([PRELUDE, b"content"])[:-5], "no end"),
    ],
)
def test_what_is_no_answer_is_an_error(wire: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        b"".join(content_of_stream([wire]))


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ({"statusCode": 200, "body": "text: ü"}, "text: ü".encode()),
        ({"body": base64.b64encode(b"\xff\0").decode(), "isBase64Encoded": True}, b"\xff\0"),
        ({"statusCode": 204}, b""),
    ],
)
def test_the_content_of_a_buffered_result(result: object, content: bytes) -> None:
    assert content_of_result(json.dumps(result).encode()) == content


@given(st.data(), st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8))
def test_content_arrives_with_the_piece_that_holds_it(
    data: st.DataObject, parts: list[bytes]
) -> None:
    content = b"".join(parts)
    pieces = data.draw(cut(chunked([PRELUDE, *parts])))
    seen = arrivals([(float(number), piece) for number, piece in enumerate(pieces)])
    # The other way round: how much content the first n pieces hold, by a decoder that starts anew.
    expected: list[tuple[int, float]] = []
    for number in range(len(pieces)):
        held = Dechunker().feed(b"".join(pieces[: number + 1]))
        total = max(0, len(held) - len(PRELUDE))
        if total > (expected[-1][0] if expected else 0):
            expected.append((total, float(number)))
    assert seen == expected
    assert seen[-1][0] == len(content)


def test_the_prelude_alone_is_no_arrival() -> None:
    wire = chunked([PRELUDE])
    assert arrivals([(1.0, wire[:10]), (2.0, wire[10:])]) == []
