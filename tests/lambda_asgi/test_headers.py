"""Which response headers go out: checked where every response starts, streamed or buffered."""

import json
from typing import Any

import pytest

from lambda_asgi._event_sources import infer
from lambda_asgi._headers import content_length, well_formed
from lambda_asgi._response import BufferedResponse, Response, State
from lambda_asgi.errors import UnexpectedMessage
from lambda_asgi.testing import ExecutionEnvironment, function_url_event
from tests.lambda_asgi.support import body, play, sends, start

# RFC 9110 section 5.6.2: "(),/:;<=>?@[\]{} and white space end a token.
NOT_NAMES = [
    b"",
    b"bad header",
    b"a:b",
    b"a\r\nb",
    b"a\0",
    b"\x01",
    b"\x7f",
    "naïve".encode(),
    b"\xff",
    *(bytes([character]) + b"x" for character in b'"(),/:;<=>?@[\\]{}\t '),
]
NOT_VALUES = [b"a\rb", b"a\nb", b"a\0b", b"a\x01b", b"\x1f", b"a\x7f", b"/\r\nset-cookie: a=b"]
VALUES = [b"", b"a b", b"a\tb", b"caf\xe9", "café".encode(), b"\x80\xff", b'"(),/:;<=>?@[\\]{}']


@pytest.mark.parametrize(
    "make", [lambda: Response(head=False, limit=10_000), lambda: BufferedResponse(head=False)]
)
@pytest.mark.parametrize(
    "header",
    [*((name, b"value") for name in NOT_NAMES), *((b"x-name", value) for value in NOT_VALUES)],
    ids=repr,
)
def test_a_header_that_http_does_not_allow(make: Any, header: tuple[bytes, bytes]) -> None:
    made = make()
    with pytest.raises(UnexpectedMessage, match="header"):
        made.send(start(200, (b"x-fine", b"1"), header))
    assert (made.state, made.headers) == (State.START, [])


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_http_allows(value: bytes) -> None:
    assert well_formed([(b"X-Any!#$%&'*+-.^_`|~", value)]) == [(b"x-any!#$%&'*+-.^_`|~", value)]


@pytest.mark.parametrize(
    "headers",
    [
        None,
        5,
        [None],
        [b"ab"[:1]],
        [(b"a",)],
        [("a", b"b")],
        [(b"a", "b")],
        [(bytearray(b"a"), b"b")],
    ],
)
def test_what_is_not_pairs_of_bytes(headers: Any) -> None:
    with pytest.raises(UnexpectedMessage, match="pairs of bytes"):
        well_formed(headers)


@pytest.mark.parametrize("source", ["function-url", "rest-api", "alb", "lambda-at-edge"])
def test_no_event_source_is_sent_a_header_that_splits(source: str) -> None:
    """A line break in a value would make a second header of it, also in a buffered response."""
    event = EVENTS[source]
    assert infer(event).name == source

    async def scenario() -> Any:
        async with ExecutionEnvironment(
            sends(start(200, (b"location", b"/\r\nset-cookie: a=b")), body(b"x"))
        ) as made:
            return await made.invoke_buffered(event)

    result = play(scenario())
    assert str(result.get("statusCode", result.get("status"))) == "500"
    assert "set-cookie" not in json.dumps(result)


EVENTS: dict[str, Any] = {
    "function-url": function_url_event("/"),
    "rest-api": {"httpMethod": "GET", "path": "/", "requestContext": {}},
    "alb": {"httpMethod": "GET", "path": "/", "headers": {}, "requestContext": {"elb": {}}},
    "lambda-at-edge": {"Records": [{"cf": {"request": {"method": "GET", "uri": "/"}}}]},
}


def test_a_length_that_comes_twice_is_one() -> None:
    """It must not become "3, 3" in the prelude."""
    twice = [(b"content-length", b"3"), (b"x", b"y"), (b"content-length", b"3")]
    assert content_length(twice) == (3, [(b"x", b"y"), (b"content-length", b"3")])


@pytest.mark.parametrize(
    "values", [[b"3", b"4"], [b"x"], [b""], [b"-1"], [b"+1"], [b"1" * 19], ["٣".encode()]]
)
def test_a_length_that_is_not_one_number(values: list[bytes]) -> None:
    with pytest.raises(UnexpectedMessage, match="content-length"):
        content_length([(b"content-length", value) for value in values])


@pytest.mark.parametrize("given", [[], [(b"content-length", b"0")]])
def test_a_204_has_no_length(given: list[tuple[bytes, bytes]]) -> None:
    """RFC 9110 section 8.6: a server must not send one."""
    for made in (Response(head=False, limit=10_000), BufferedResponse(head=False)):
        made.send(start(204, *given))
        made.send(body())
        assert (made.state, made.headers) == (State.COMPLETE, [])


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (5, "headers are pairs of bytes; the app sent 5"),
        (
            [(b"x-name", b"a\0")],
            "the app sent a header value with a control character: b'a\\x00'",
        ),
        ([(b"a b", b"")], "the app sent a header whose name is not a token: b'a b'"),
    ],
)
def test_a_refusal_shows_what_was_sent(headers: Any, told: str) -> None:
    with pytest.raises(UnexpectedMessage) as raised:
        well_formed(headers)
    assert str(raised.value) == told


@pytest.mark.parametrize("digits", [1, 17, 18, 19])
def test_a_length_has_at_most_18_digits(digits: int) -> None:
    headers = [(b"a", b"1"), (b"content-length", b"9" * digits), (b"b", b"2")]
    if digits <= 18:
        assert content_length(headers) == (int("9" * digits), headers)
    else:
        with pytest.raises(UnexpectedMessage) as raised:
            content_length(headers)
        assert str(raised.value) == (
            f"content-length is one decimal number; the app sent [b'{'9' * digits}']"
        )


def test_a_name_is_excluded_and_not_a_value() -> None:
    headers = [(b"X-A", b"x-b"), (b"x-b", b"x-a")]
    assert well_formed(headers, {b"x-a"}) == [(b"x-b", b"x-a")]
    assert well_formed(headers) == [(b"x-a", b"x-b"), (b"x-b", b"x-a")]
