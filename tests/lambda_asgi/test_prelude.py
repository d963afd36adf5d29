"""The prelude: what `encode` makes of headers, and that `split` finds it in any pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._headers import HOP_BY_HOP
from lambda_asgi._prelude import DELIMITER, LARGEST, Prelude, encode, split
from lambda_asgi.errors import HeadersTooLarge


@pytest.mark.parametrize(
    ("headers", "fields", "cookies"),
    [
        ([], {}, []),
        ([(b"content-type", b"text/html")], {"content-type": "text/html"}, []),
        ([(b"X-Upper", b"Value")], {"x-upper": "Value"}, []),
        ([(b"vary", b"a"), (b"x", b"1"), (b"vary", b"b")], {"vary": "a, b", "x": "1"}, []),
        ([(b"set-cookie", b"a=1, b"), (b"Set-Cookie", b"c=2")], {}, ["a=1, b", "c=2"]),
        ([(b"x-empty", b"")], {"x-empty": ""}, []),
        ([(b"x-latin", b"caf\xe9")], {"x-latin": "café"}, []),
        ([(b"x-quoted", b'"etag\\"\t')], {"x-quoted": '"etag\\"\t'}, []),
        *[
            ([(name, b"x"), (b"kept", b"y")], {"kept": "y"}, [])
            for name in (
                b"connection",
                b"Keep-Alive",
                b"proxy-connection",
                b"te",
                b"trailer",
                b"Transfer-Encoding",
                b"upgrade",
            )
        ],
    ],
)
def test_encode(headers: RawHeaders, fields: dict[str, str], cookies: list[str]) -> None:
    encoded = encode(207, headers)
    assert encoded.endswith(b"}" + DELIMITER)
    assert split(encoded) == (Prelude(207, fields, cookies), b"")


def test_cookies_are_absent_where_there_are_none() -> None:
    assert encode(200, []) == b'{"statusCode":200,"headers":{}}' + DELIMITER


def test_the_largest_prelude_and_one_byte_more() -> None:
    room = LARGEST - len(encode(200, [(b"x", b"")]))
    largest = encode(200, [(b"x", b"v" * room)])
    assert len(largest) == LARGEST
    with pytest.raises(HeadersTooLarge, match=f"{LARGEST + 1} bytes"):
        encode(200, [(b"x", b"v" * (room + 1))])
    for end in range(LARGEST - 16, LARGEST):
        assert split(largest[:end]) is None
    assert split(largest) is not None


def test_size_counts_bytes_not_characters() -> None:
    with pytest.raises(HeadersTooLarge):
        encode(200, [(b"x", b"\xe9" * (LARGEST // 2))])


header_names = st.from_regex(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}", fullmatch=True)
header_values = st.binary(max_size=40).filter(lambda value: not set(value) & {0, 10, 13})
some_headers = st.lists(st.tuples(header_names, header_values), max_size=12)


@given(
    status=st.integers(200, 599), headers=some_headers, body=st.binary(max_size=60), data=st.data()
)
def test_split_finds_what_encode_made(
    status: int, headers: RawHeaders, body: bytes, data: st.DataObject
) -> None:
    stream = encode(status, headers) + body
    found = split(stream)
    assert found is not None
    (found_status, fields, cookies), rest = found
    assert (found_status, rest) == (status, body)
    lines = [(name.lower(), value) for name, value in headers]
    assert cookies == [value.decode("latin-1") for name, value in lines if name == b"set-cookie"]
    kept = [(n, v) for n, v in lines if n not in HOP_BY_HOP and n != b"set-cookie"]
    assert set(fields) == {name.decode() for name, _ in kept}
    for name, text in fields.items():
        assert text.encode("latin-1") == b", ".join(
            value for key, value in kept if key == name.encode()
        )
    cut = data.draw(st.integers(0, len(stream)))
    at_cut = split(stream[:cut])
    assert (at_cut is None) == (cut < len(stream) - len(body))


def test_split_at_every_offset() -> None:
    stream = (
        encode(200, [(b"content-type", b"text/plain"), (b"set-cookie", b"a=b")]) + b"\0\0body\0"
    )
    for end in range(len(stream)):
        found = split(stream[:end])
        if end < len(stream) - 7:
            assert found is None
        else:
            assert found is not None
            assert found[1] == stream[len(stream) - 7 : end]


@pytest.mark.parametrize(
    "stream",
    [
        DELIMITER,
        b"{}" + DELIMITER,
        b"[]" + DELIMITER,
        b"null" + DELIMITER,
        b'{"statusCode":"200"}' + DELIMITER,
        b'{"statusCode":true}' + DELIMITER,
        b'{"statusCode":200.5}' + DELIMITER,
        b'{"statusCode":200,"headers":[]}' + DELIMITER,
        b'{"statusCode":200,"cookies":"a=b"}' + DELIMITER,
        b'{"statusCode":200' + DELIMITER,
        b"\xff\xfe" + DELIMITER,
        b"[" * 16_000 + DELIMITER,
        b"x" * LARGEST,
        b"x" * LARGEST + DELIMITER,
        b"x" * (LARGEST - 7) + DELIMITER,
    ],
    ids=lambda stream: f"{stream[:30]!r}",
)
def test_no_prelude(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        split(stream)


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_split_raises_nothing_but_value_error(head: bytes, rest: bytes) -> None:
    try:
        found = split(head + DELIMITER + rest)
    except ValueError:
        return
    assert found is not None
    assert isinstance(json.loads((head + DELIMITER).partition(DELIMITER)[0]), dict)


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (b"x" * LARGEST, f"no delimiter within {LARGEST} bytes"),
        (
            b"[" + b"1" * 200 + b"]" + DELIMITER,
            "a prelude is a JSON object with a statusCode, headers and cookies, not "
            f"{b'[' + b'1' * 99!r}",
        ),
        (
            b"[" * 16_000 + DELIMITER,
            "a prelude is a JSON object with a statusCode, headers and cookies, not "
            f"{b'[' * 100!r}",
        ),
    ],
)
def test_what_is_no_prelude_is_shown(stream: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=r".+") as raised:
        split(stream)
    assert str(raised.value) == told


def test_headers_and_cookies_may_be_missing_and_the_delimiter_must_not_come_late() -> None:
    assert split(b'{"statusCode":204}' + DELIMITER + b"x") == (Prelude(204, {}, []), b"x")
    long = b'{"statusCode":200,"x":"' + b"x" * LARGEST + b'"}' + DELIMITER
    with pytest.raises(ValueError, match="no delimiter"):
        split(long)
