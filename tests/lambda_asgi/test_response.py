"""The state table: every state with every input. test_response_model.py uses any order."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi import _prelude as prelude
from lambda_asgi._asgi import Message
from lambda_asgi._describe import described
from lambda_asgi._response import TRANSITIONS, BufferedResponse, Input, Response, State
from lambda_asgi.errors import HeadersTooLarge, LambdaASGIError, ResponseTooLarge, UnexpectedMessage

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b"part", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b"last"}

WAY_TO: dict[State, list[Message]] = {
    State.START: [],
    State.HELD: [START],
    State.STREAMING: [START, BODY],
    State.COMPLETE: [START, LAST],
}


def response(
    *, head: bool = False, limit: int = 10_000, fill_empty: bool = True, records: bool = False
) -> Response:
    return Response(head=head, limit=limit, fill_empty=fill_empty, error_records=records)


def in_state(state: State) -> Response:
    made = response()
    for message in WAY_TO.get(state, []):
        made.send(message)
    if state is State.FAILED:
        made.fail(500, "x", "Runtime.X")
    assert made.state is state
    return made


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes = b"", more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def seen(parts: Sequence[bytes]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a whole stream."""
    found = prelude.split(b"".join(parts))
    assert found is not None
    return found[0].status, found[0].headers, found[1]


def play(made: Response, *messages: Message) -> list[bytes]:
    return [part for message in messages for part in made.send(message)]


INPUTS: dict[Input, Callable[[Response], object]] = {
    Input.START: lambda made: made.send(START),
    Input.BODY: lambda made: made.send(BODY),
    Input.LAST_BODY: lambda made: made.send(LAST),
    Input.WAIT: lambda made: made.flush(),
    Input.ERROR: lambda made: made.fail(500, "Internal Server Error", "Runtime.UserException"),
}


@pytest.mark.parametrize("given_input", Input)
@pytest.mark.parametrize("state", State)
def test_every_input_in_every_state(state: State, given_input: Input) -> None:
    made = in_state(state)
    after = TRANSITIONS.get((state, given_input))
    if after is not None:
        INPUTS[given_input](made)
        assert made.state is after
        return
    told = (made.status, made.headers, made.body_bytes)
    if given_input in (Input.WAIT, Input.ERROR):
        assert INPUTS[given_input](made) == []
    else:
        with pytest.raises(UnexpectedMessage, match="the app sent"):
            INPUTS[given_input](made)
    assert made.state is state
    assert told == (made.status, made.headers, made.body_bytes)


def test_what_has_ended_changes_no_more() -> None:
    assert not {State.COMPLETE, State.FAILED} & {state for state, _ in TRANSITIONS}


def diagram() -> str:
    """The state table as docs/architecture.md shows it."""
    names = {
        Input.START: "start",
        Input.BODY: "body",
        Input.LAST_BODY: "last body",
        Input.WAIT: "the app waits",
        Input.ERROR: "error",
    }
    arrows: dict[tuple[State, State], list[str]] = {}
    for (before, given_input), after in TRANSITIONS.items():
        arrows.setdefault((before, after), []).append(names[given_input])
    lines = ["stateDiagram-v2", "    [*] --> START"]
    lines += [
        f"    {before.name} --> {after.name}: {' / '.join(texts)}"
        for (before, after), texts in arrows.items()
    ]
    lines += [f"    {end.name} --> [*]" for end in (State.COMPLETE, State.FAILED)]
    return "\n".join(lines)


def test_the_diagram_in_the_docs_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    assert f"```mermaid\n{diagram()}\n```" in page, (
        f"docs/architecture.md needs this diagram:\n{diagram()}"
    )


# What goes out.


def test_start_waits_for_the_first_body() -> None:
    made = response()
    assert made.send(start((b"content-type", b"text/plain"))) == []
    parts = made.send(body(b"hello", more=True))
    assert len(parts) == 2
    assert seen(parts) == (200, {"content-type": "text/plain"}, b"hello")
    assert made.send(body(b"more", more=True)) == [b"more"]
    assert made.send(body()) == []
    assert (made.state, made.body_bytes) == (State.COMPLETE, 9)


def test_start_goes_out_when_the_app_waits() -> None:
    made = response()
    made.send(START)
    assert seen(made.flush()) == (200, {}, b"")
    assert made.flush() == []
    assert made.send(BODY) == [b"part"]


@pytest.mark.parametrize(
    ("message", "expected_status", "headers", "content"),
    [
        (start(), 200, {"content-length": "0"}, b""),
        (start(status=201), 201, {"content-length": "0"}, b""),
        (start(status=204), 204, {}, b""),
        (start((b"content-length", b"0"), status=204), 204, {}, b""),
        (start(status=304), 304, {}, b""),
        (
            start((b"etag", b"x"), (b"content-length", b"7"), status=304),
            304,
            {"etag": "x", "content-length": "7"},
            b"",
        ),
        (start(status=302), 302, {"content-length": "1"}, b"\n"),
        (start((b"content-length", b"0"), status=307), 307, {"content-length": "1"}, b"\n"),
        (start(status=404), 404, {"content-length": "1"}, b"\n"),
        (start(status=500), 500, {"content-length": "1"}, b"\n"),
    ],
)
def test_an_empty_body(
    message: Message, expected_status: int, headers: dict[str, str], content: bytes
) -> None:
    made = response()
    assert seen(play(made, message, body())) == (expected_status, headers, content)
    assert made.state is State.COMPLETE


@pytest.mark.parametrize("status", [200, 302, 404])
def test_an_empty_body_without_filler(status: int) -> None:
    made = response(fill_empty=False)
    assert seen(play(made, start(status=status), body())) == (status, {"content-length": "0"}, b"")


def test_an_empty_body_after_the_headers_have_gone() -> None:
    made = response()
    made.send(start(status=404))
    assert seen(made.flush()) == (404, {}, b"")
    assert made.send(body()) == [b"\n"]


def test_a_body_announced_as_empty_gets_no_filler_after_its_headers_have_gone() -> None:
    made = response()
    parts = play(made, start((b"content-length", b"0"), status=404), body(more=True), body())
    assert seen(parts) == (404, {"content-length": "0"}, b"")


def test_a_body_announced_as_empty_waits_for_its_end() -> None:
    made = response()
    made.send(start((b"content-length", b"0"), status=404))
    assert made.flush() == []
    assert seen(made.send(body())) == (404, {"content-length": "1"}, b"\n")


@pytest.mark.parametrize("status", [200, 404])
def test_head(status: int) -> None:
    made = response(head=True)
    made.send(start((b"content-length", b"1000000"), status=status))
    assert seen(made.flush()) == (status, {"content-length": "1000000"}, b"")
    assert made.send(body(b"ignored", more=True)) == []
    assert made.send(body(b"ignored")) == []
    assert (made.state, made.body_bytes) == (State.COMPLETE, 0)


def test_head_of_more_than_lambda_passes_on_is_fine() -> None:
    made = response(head=True, limit=1000)
    assert seen(play(made, start((b"content-length", b"999999")), body())) == (
        200,
        {"content-length": "999999"},
        b"",
    )


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_that_must_not_be(status: int) -> None:
    made = response()
    parts = play(made, start(status=status), body(b"dropped", more=True), body(b"dropped"))
    assert seen(parts) == (status, {}, b"")


@pytest.mark.parametrize("status", [204, 304, 200])
def test_an_error_behind_any_start_is_a_whole_500(status: int) -> None:
    made = response()
    made.send(start((b"content-length", b"5"), status=status))
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": "21"}
    assert seen(made.fail(500, "Internal Server Error", "Runtime.X")) == (
        500,
        headers,
        b"Internal Server Error",
    )
    assert (made.status, made.body_bytes, made.state) == (500, 21, State.FAILED)


def test_an_error_of_a_head_request() -> None:
    made = response(head=True)
    status, headers, content = seen(made.fail(500, "Internal Server Error", "Runtime.X"))
    assert (status, headers["content-length"], content) == (500, "21", b"")


def test_an_error_in_mid_stream_adds_nothing() -> None:
    made = in_state(State.STREAMING)
    assert made.fail(500, "Internal Server Error", "Runtime.X") == []


# Lengths and limits.


def opening(*headers: tuple[bytes, bytes]) -> int:
    return len(prelude.encode(200, list(headers)))


def test_the_limit_counts_the_prelude() -> None:
    made = response(limit=opening() + 4)
    assert play(made, START, BODY)[1] == b"part"
    with pytest.raises(ResponseTooLarge, match="more than the"):
        made.send(body(b"x", more=True))
    assert made.state is State.STREAMING
    assert made.send(body()) == []

    made = response(limit=opening() + 3)
    made.send(START)
    with pytest.raises(ResponseTooLarge):
        made.send(BODY)
    assert (made.state, made.body_bytes) == (State.HELD, 0)


def test_an_announced_length_over_the_limit_fails_before_the_first_byte() -> None:
    header = (b"content-length", b"100")
    fits = response(limit=opening(header) + 100)
    assert len(b"".join(play(fits, start(header), body(b"x" * 100)))) == opening(header) + 100
    asks: list[Callable[[Response], object]] = [
        lambda made: made.flush(),
        lambda made: made.send(body(b"x", more=True)),
    ]
    for ask in asks:
        made = response(limit=opening(header) + 99)
        made.send(start(header))
        with pytest.raises(ResponseTooLarge, match="announces 100 bytes"):
            ask(made)
        assert made.state is State.HELD
        assert seen(made.fail(413, "too large", "Runtime.ResponseTooLarge"))[0] == 413


@pytest.mark.parametrize(
    "messages",
    [
        [start((b"content-length", b"3")), body(b"four")],
        [start((b"content-length", b"5")), body(b"four")],
        [start((b"content-length", b"5")), body()],
        [start((b"content-length", b"5")), body(b"four", more=True), body(b"ab", more=True)],
        [start((b"content-length", b"5")), body(b"four", more=True), body()],
    ],
)
def test_a_body_of_another_length_than_announced(messages: list[Message]) -> None:
    made = response()
    play(made, *messages[:-1])
    before = made.state
    with pytest.raises(UnexpectedMessage, match="content-length is"):
        made.send(messages[-1])
    assert made.state is before


@pytest.mark.parametrize(
    ("messages", "left"),
    [
        ([], None),
        ([start()], None),
        ([start((b"content-length", b"5"))], 5),
        ([start((b"content-length", b"5")), body(b"ab", more=True)], 3),
        ([start((b"content-length", b"5"), status=304)], 0),
    ],
)
def test_body_left(messages: list[Message], left: int | None) -> None:
    made = response()
    play(made, *messages)
    assert made.body_left == left


def test_headers_over_16_kib() -> None:
    made = response(limit=1_000_000)
    made.send(start((b"x", b"v" * 20_000)))
    for given_input in (Input.WAIT, Input.BODY, Input.LAST_BODY):
        with pytest.raises(HeadersTooLarge):
            INPUTS[given_input](made)
        assert made.state is State.HELD
    assert seen(made.fail(500, "x", "Runtime.HeadersTooLarge"))[0] == 500


# Messages that are none.


@pytest.mark.parametrize("status", [None, "200", 100, 199, 600, True, 200.0])
def test_a_status_that_is_none(status: Any) -> None:
    made = response()
    with pytest.raises(UnexpectedMessage) as raised:
        made.send({"type": "http.response.start", "status": status, "headers": []})
    assert str(raised.value) == (
        f"the app sent the status {status!r}: a final one is from 200 to 599"
    )
    assert made.state is State.START


@pytest.mark.parametrize(
    "headers",
    [
        None,
        5,
        [b"ab"],
        [(b"a",)],
        [(b"a", b"b", b"c")],
        [("a", b"b")],
        [(b"a", "b")],
        [(b"a", None)],
        [(b"a", [])],
        {"a": "b"},
        [(b"content-length", b"")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"1.0")],
        [(b"content-length", b"9" * 5000)],
        [(b"content-length", b"1"), (b"Content-Length", b"2")],
    ],
    ids=lambda headers: f"{headers!r:.40}",
)
def test_headers_that_are_none(headers: Any) -> None:
    made = response()
    with pytest.raises(UnexpectedMessage):
        made.send({"type": "http.response.start", "status": 200, "headers": headers})
    assert made.state is State.START
    made.send(START)


@pytest.mark.parametrize("headers", [(), [[b"a", b"b"]], ((b"A", b"b"),), iter([(b"a", b"b")])])
def test_headers_in_any_iterable(headers: Any) -> None:
    made = response()
    made.send({"type": "http.response.start", "status": 200, "headers": headers})
    assert made.headers in ([], [(b"a", b"b")])


def test_defaults_of_asgi() -> None:
    made = response()
    parts = play(
        made, {"type": "http.response.start", "status": 200}, {"type": "http.response.body"}
    )
    assert seen(parts) == (200, {"content-length": "0"}, b"")


@pytest.mark.parametrize("content", ["text", None, 5, [b"x"]])
def test_a_body_that_is_none(content: Any) -> None:
    made = in_state(State.HELD)
    with pytest.raises(UnexpectedMessage, match="a body is bytes"):
        made.send({"type": "http.response.body", "body": content})
    assert made.state is State.HELD


@pytest.mark.parametrize("content", [bytearray(b"ab"), memoryview(b"ab")])
def test_bodies_like_bytes(content: Any) -> None:
    assert play(in_state(State.STREAMING), {"type": "http.response.body", "body": content}) == [
        b"ab"
    ]


@pytest.mark.parametrize(
    "message", [{}, {"type": "http.response.push"}, {"type": "websocket.send"}, {"type": None}]
)
@pytest.mark.parametrize("state", State)
def test_messages_of_no_http_response(message: Any, state: State) -> None:
    made = in_state(state)
    with pytest.raises(UnexpectedMessage) as raised:
        made.send(message)
    assert str(raised.value) == (
        f"the app sent {described(message)}: not a message of an HTTP response"
    )
    assert made.state is state


@given(
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["http.response.start", "http.response.body", "x"])},
            optional={
                "status": st.integers(90, 610) | st.none() | st.text(),
                "headers": st.lists(
                    st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3
                )
                | st.none(),
                "body": st.binary(max_size=9) | st.none() | st.integers(),
                "more_body": st.booleans() | st.none(),
            },
        ),
        max_size=6,
    )
)
def test_no_message_raises_anything_else(messages: list[Message]) -> None:
    made = response(limit=200)
    for message in messages:
        before = made.state
        try:
            made.send(message)
        except LambdaASGIError:
            assert made.state is before


# Error records.


@pytest.mark.parametrize(
    ("content_type", "sent", "record"),
    [
        (
            b"text/event-stream",
            b"data: 1\n\n",
            b'event: error\ndata: {"errorType":"Runtime.X"}\n\n',
        ),
        (
            b"text/event-stream",
            b"data: 1\n",
            b'\n\nevent: error\ndata: {"errorType":"Runtime.X"}\n\n',
        ),
        (
            b"Text/Event-Stream; charset=utf-8",
            b"",
            b'event: error\ndata: {"errorType":"Runtime.X"}\n\n',
        ),
        (b"application/x-ndjson", b'{"a":1}\n', b'{"error":{"errorType":"Runtime.X"}}\n'),
        (b"application/jsonl", b'{"a":', b'\n{"error":{"errorType":"Runtime.X"}}\n'),
        (b"application/jsonl", b"", b'{"error":{"errorType":"Runtime.X"}}\n'),
        (b"application/json", b"{", b""),
        (b"text/plain", b"x", b""),
    ],
)
def test_error_records(content_type: bytes, sent: bytes, record: bytes) -> None:
    made = response(records=True)
    play(
        made,
        start((b"content-type", content_type)),
        *(body(bytes([byte]), more=True) for byte in sent),
    )
    made.flush()
    assert b"".join(made.fail(500, "x", "Runtime.X")) == record
    for line in record.strip().splitlines():
        if not line.startswith(b"event:"):
            json.loads(line.removeprefix(b"data: "))


@pytest.mark.parametrize(
    ("head", "headers"),
    [(True, []), (False, [(b"content-length", b"50")]), (False, [(b"content-encoding", b"gzip")])],
)
def test_no_error_record_where_it_could_not_be_read(
    head: bool, headers: list[tuple[bytes, bytes]]
) -> None:
    made = response(records=True, head=head)
    play(made, start((b"content-type", b"text/event-stream"), *headers))
    made.flush()
    assert made.state is State.STREAMING
    assert made.fail(500, "x", "Runtime.X") == []


def test_no_error_record_beyond_the_limit() -> None:
    header = (b"content-type", b"text/event-stream")
    made = response(records=True, limit=opening(header) + 20)
    play(made, start(header), body(b"data: 1\n\n", more=True))
    assert made.fail(413, "x", "Runtime.ResponseTooLarge") == []


def test_an_error_record_up_to_the_limit() -> None:
    header = (b"content-type", b"text/event-stream")
    record = b'event: error\ndata: {"errorType":"Runtime.X"}\n\n'
    for room, expected in ((len(record), [record]), (len(record) - 1, [])):
        made = response(records=True, limit=opening(header) + len(b"data: 1\n\n") + room)
        play(made, start(header), body(b"data: 1\n\n", more=True))
        assert made.fail(500, "x", "Runtime.X") == expected


def test_the_first_status_that_is_filled() -> None:
    assert seen(play(response(), start(status=300), body()))[2] == b"\n"
    assert seen(play(response(), start(status=299), body()))[2] == b""


def test_what_a_body_is_instead_is_said() -> None:
    with pytest.raises(UnexpectedMessage, match=r"a body is bytes; the app sent str$"):
        in_state(State.HELD).send({"type": "http.response.body", "body": "text"})


# Collected whole.


def buffered(*messages: Message, head: bool = False, limit: int = 100) -> BufferedResponse:
    made = BufferedResponse(head=head, limit=limit)
    for message in messages:
        assert made.send(message) == []
        assert made.flush() == []
    return made


def test_a_buffered_response_has_the_body_and_no_prelude() -> None:
    made = buffered(start((b"x", b"y"), status=404), body(b"a", more=True), body(b"b"))
    assert (made.state, made.status, made.headers, made.body) == (
        State.COMPLETE,
        404,
        [(b"x", b"y")],
        b"ab",
    )


def test_a_buffered_response_to_head_has_no_body() -> None:
    assert buffered(start(), body(b"hello"), head=True).body == b""


def test_an_empty_buffered_response_has_no_filler() -> None:
    made = buffered(start(status=404), body())
    assert (made.status, made.headers, made.body) == (404, [(b"content-length", b"0")], b"")


def test_a_buffered_response_that_fails_is_replaced() -> None:
    made = buffered(start((b"content-type", b"text/html")), body(b"<p>", more=True))
    assert made.fail(500, "Internal Server Error", "Runtime.X") == []
    assert (made.state, made.status, made.body) == (State.FAILED, 500, b"Internal Server Error")
    assert dict(made.headers)[b"content-type"] == b"text/plain; charset=utf-8"


def test_a_complete_buffered_response_stays() -> None:
    made = buffered(start(), body(b"ab"))
    made.fail(500, "x", "Runtime.X")
    assert (made.state, made.status, made.body) == (State.COMPLETE, 200, b"ab")


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"101")]])
def test_a_buffered_response_over_the_limit(headers: list[tuple[bytes, bytes]]) -> None:
    made = buffered(start(*headers))
    with pytest.raises(ResponseTooLarge):
        made.send(body(b"x" * 101))
    made.fail(413, "too large", "Runtime.ResponseTooLarge")
    assert (made.status, made.body) == (413, b"too large")


@pytest.mark.parametrize("status", [200, 599])
def test_the_first_and_the_last_final_status(status: int) -> None:
    made = response()
    made.send(start(status=status))
    assert made.status == status


@pytest.mark.parametrize(
    ("messages", "last", "told"),
    [
        ([START], START, "http.response.start"),
        ([], BODY, "http.response.body"),
        ([START, LAST], BODY, "http.response.body"),
    ],
)
def test_a_message_out_of_order_is_named(messages: list[Message], last: Message, told: str) -> None:
    made = response()
    play(made, *messages)
    with pytest.raises(UnexpectedMessage, match=rf"^the app sent {told} when "):
        made.send(last)


@pytest.mark.parametrize("make", [Response, BufferedResponse])
def test_what_is_counted_and_what_is_left_out(make: Any) -> None:
    made = make(head=False, limit=1000, exclude_headers=frozenset({b"x-own"}))
    assert (made.status, made.headers, made.chunks, made.body_bytes) == (0, [], 0, 0)
    made.send(start((b"X-Own", b"1"), (b"x-kept", b"x-own")))
    for content in (b"ab", b"", b"c", b"de"):
        made.send(body(content, more=True))
    made.send(body())
    assert made.headers == [(b"x-kept", b"x-own")]
    assert (made.status, made.chunks, made.body_bytes) == (200, 3, 5)


def test_headers_that_cannot_be_kept_are_checked_and_left_out_too() -> None:
    """Pairs that are lists cannot be looked up in the cache of headers."""
    made = Response(head=False, limit=1000, exclude_headers=frozenset({b"x-own"}))
    headers = [[b"X-Own", b"1"], [b"content-length", b"1"]]
    made.send({"type": "http.response.start", "status": 200, "headers": headers})
    assert made.headers == [(b"content-length", b"1")]
    assert made.body_left == 1


def test_an_error_in_a_buffered_response_keeps_its_type() -> None:
    made = BufferedResponse(head=False)
    made.fail(500, "x", "Runtime.X")
    plain = Response(head=False, limit=1000)
    plain.fail(500, "x", "Runtime.X")
    assert (made.status, made.body, made.headers) == (500, b"x", plain.headers)


def test_by_default_an_empty_body_is_filled_and_a_broken_one_has_no_record() -> None:
    filled = Response(head=False, limit=1000)
    assert seen(play(filled, start(status=404), body()))[2] == b"\n"
    broken = Response(head=False, limit=1000)
    play(broken, start((b"content-type", b"text/event-stream")), body(b"data: 1\n\n", more=True))
    assert broken.fail(500, "x", "Runtime.X") == []


def test_what_announces_too_much_is_told_the_limit() -> None:
    made = Response(head=False, limit=1000)
    made.send(start((b"content-length", b"1001")))
    with pytest.raises(ResponseTooLarge) as raised:
        made.send(body(b"x", more=True))
    assert str(raised.value) == (
        "the response announces 1001 bytes; Lambda passes 1000 on, headers included"
    )
