"""The state of one response: ASGI messages in, what to send out. Everything that changes it is in this file.

Pure: no socket, no event loop. It does not know whether its bytes are streamed or collected.

              start          body                last body            turn         error
    START     HELD           -                   -                    START        FAILED (a response of our own)
    HELD      -              STREAMING           COMPLETE             STREAMING    FAILED (a response of our own)
    STREAMING -              STREAMING           COMPLETE             STREAMING    FAILED (visibly broken)
    COMPLETE  -              -                   -                    COMPLETE     COMPLETE (only logged)
    FAILED    -              -                   -                    FAILED       FAILED

`-` raises UnexpectedMessage and changes nothing. A `turn` is the event loop's: the app waits for something, so what is
held goes out (unless content-length says that the body is empty: its end comes next). Until then `start` is held, as
the ASGI spec allows, so that an error right behind it is still a 500.
"""

from enum import IntEnum, auto
from typing import Final

from lambda_asgi import _prelude as prelude
from lambda_asgi._asgi import Message, RawHeaders
from lambda_asgi._records import Records
from lambda_asgi.errors import ResponseTooLarge, UnexpectedMessage

LARGEST_STREAM = 200 * 1024 * 1024
"""Bytes of a streamed response, prelude included. One more, and Lambda cuts it without a word (recorded on AWS).
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"""

LARGEST_BUFFERED = 6 * 1024 * 1024
"""Bytes of a buffered result, as JSON. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class State(IntEnum):
    __hash__ = int.__hash__  # Enum's own is written in Python, and the table below is asked for every message

    START = auto()
    HELD = auto()
    STREAMING = auto()
    COMPLETE = auto()
    FAILED = auto()


class Input(IntEnum):
    __hash__ = int.__hash__

    START = auto()
    BODY = auto()
    LAST_BODY = auto()
    TURN = auto()
    ERROR = auto()


TRANSITIONS: Final[dict[tuple[State, Input], State]] = {
    (State.START, Input.START): State.HELD,
    (State.START, Input.TURN): State.START,
    (State.START, Input.ERROR): State.FAILED,
    (State.HELD, Input.BODY): State.STREAMING,
    (State.HELD, Input.LAST_BODY): State.COMPLETE,
    (State.HELD, Input.TURN): State.STREAMING,
    (State.HELD, Input.ERROR): State.FAILED,
    (State.STREAMING, Input.BODY): State.STREAMING,
    (State.STREAMING, Input.LAST_BODY): State.COMPLETE,
    (State.STREAMING, Input.TURN): State.STREAMING,
    (State.STREAMING, Input.ERROR): State.FAILED,
    (State.COMPLETE, Input.TURN): State.COMPLETE,
    (State.COMPLETE, Input.ERROR): State.COMPLETE,
    (State.FAILED, Input.TURN): State.FAILED,
    (State.FAILED, Input.ERROR): State.FAILED,
}

_IN_WORDS = {
    State.START: "nothing was sent yet",
    State.HELD: "http.response.start was sent",
    State.STREAMING: "the body has begun",
    State.COMPLETE: "the response is complete",
    State.FAILED: "the response has failed",
}


class Response:
    """A streamed response. `send` and the others give what goes out now: parts of the stream, prelude first.

    `head` says that the request is a HEAD. `limit` is in bytes, prelude included. `status`, `headers` and `body_bytes`
    tell what was sent so far.
    """

    def __init__(self, *, head: bool, limit: int, fill_empty: bool = True, error_records: bool = False) -> None:
        self.state = State.START
        self.status = 0
        self.headers: RawHeaders = []
        self.body_bytes = 0
        self._head = head
        self._bodyless = head
        self._limit = limit
        self._fill_empty = fill_empty
        self._error_records = error_records
        self._room = limit
        self._content_length: int | None = None
        self._records: Records | None = None

    def send(self, message: Message) -> list[bytes]:
        """Take one message of the app's.

        Raises UnexpectedMessage (also for a body that is not of the announced length), ResponseTooLarge and
        HeadersTooLarge. The state is unchanged then, and nothing of the message goes out.
        """
        try:
            kind = message.get("type")
        except AttributeError:
            kind = None
        if kind == "http.response.body":
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = _as_bytes(body)
            return self._body(body, bool(message.get("more_body", False)))
        if kind == "http.response.start":
            self._start(message)
            return []
        raise UnexpectedMessage(f"the app sent {message!r:.200}: no message of an HTTP response")

    def turn(self) -> list[bytes]:
        """The app waits: what is held goes out. Raises HeadersTooLarge and ResponseTooLarge, the state unchanged."""
        if self.state is not State.HELD or self._content_length == 0:
            return []
        parts = self._opening()
        self.state = TRANSITIONS[self.state, Input.TURN]
        return parts

    @property
    def body_left(self) -> int | None:
        """How many bytes of a body can still come: what content-length leaves, 0 for a response that has no body, or
        None where the body is its own measure."""
        if self._bodyless:
            return 0
        return None if self._content_length is None else self._content_length - self.body_bytes

    def fail(self, status: int, text: str, error_type: str) -> list[bytes]:
        """Take an error of the app's or of ours. FAILED and nothing to send: the end of the stream has to tell.

        While nothing was sent, this becomes a plain text response of `status`. Afterwards, if the response was to have
        error records and its media type has them, one more record with `error_type`.
        """
        before = self.state
        self.state = TRANSITIONS[before, Input.ERROR]
        if before is State.STREAMING and self._records is not None:
            record = self._records.error(error_type)
            return [record] if len(record) <= self._room else []
        if before is not State.START and before is not State.HELD:
            return []
        body = text.encode()
        self.status = status
        self.headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        self._content_length = None
        self.body_bytes = 0 if self._head else len(body)
        return [*self._opening(), body[: self.body_bytes]]

    # The parts of `send` and `fail`.

    def _out_of_order(self, message: str) -> UnexpectedMessage:
        return UnexpectedMessage(f"the app sent {message} when {_IN_WORDS[self.state]}")

    def _start(self, message: Message) -> None:
        state = TRANSITIONS.get((self.state, Input.START))
        if state is None:
            raise self._out_of_order("http.response.start")
        status = message.get("status")
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise UnexpectedMessage(f"the app sent the status {status!r}: a final one is a number from 200 to 599")
        headers, content_length = _checked(message.get("headers", ()))
        # RFC 9110 section 9.3.2, 15.3.5, 15.4.5: no content, whatever the app sends.
        self._bodyless = self._head or status in (204, 304)
        self._content_length = None if self._bodyless else content_length
        if self._error_records and not self._bodyless:
            self._records = Records.of(headers)
        self.status = int(status)
        self.headers = headers
        self.state = state

    def _body(self, body: bytes, more: bool) -> list[bytes]:
        state = TRANSITIONS.get((self.state, Input.BODY if more else Input.LAST_BODY))
        if state is None:
            raise self._out_of_order("http.response.body")
        if self._bodyless:
            body = b""
        size = self.body_bytes + len(body)
        announced = self._content_length
        if announced is not None and (size > announced or (size < announced and not more)):
            raise UnexpectedMessage(f"content-length is {announced}, but the body has {size} bytes")
        held = self.state is State.HELD
        # Not for HEAD, whose headers are GET's, nor 304, where a cache would take it for the length of what it holds.
        if not more and size == 0 and (self.status == 204 or not self._bodyless):
            if self._fill_empty and self.status >= 300 and (held or announced is None):
                body, size = b"\n", 1
            self._set_content_length(size)
        parts = self._opening() if held else []
        if len(body) > self._room:
            raise ResponseTooLarge(f"the response has more than the {self._limit} bytes that Lambda passes on")
        self._room -= len(body)
        self.body_bytes = size
        self.state = state
        if body:
            parts.append(body)
            if self._records is not None:
                self._records.passed(body)
        return parts

    def _opening(self) -> list[bytes]:
        """What comes before the body."""
        parts = self._head_of_stream()
        self._room = self._limit - sum(map(len, parts))
        if self._content_length is not None and self._content_length > self._room:
            raise ResponseTooLarge(
                f"the response announces {self._content_length} bytes; Lambda passes {self._limit} on, headers included"
            )
        return parts

    def _head_of_stream(self) -> list[bytes]:
        return [prelude.encode(self.status, self.headers)]

    def _set_content_length(self, size: int) -> None:
        self.headers = [header for header in self.headers if header[0] != b"content-length"]
        self.headers.append((b"content-length", b"%d" % size))


class BufferedResponse(Response):
    """A response that is collected, and answered whole: `body` has it in the end. Nothing goes out before."""

    def __init__(self, *, head: bool, limit: int = LARGEST_BUFFERED) -> None:
        super().__init__(head=head, limit=limit, fill_empty=False)
        self._collected: list[bytes] = []

    @property
    def body(self) -> bytes:
        return b"".join(self._collected)

    def send(self, message: Message) -> list[bytes]:
        self._collected += super().send(message)
        return []

    def turn(self) -> list[bytes]:
        return []

    def fail(self, status: int, text: str, error_type: str) -> list[bytes]:
        """What nobody has seen can still become another response, unless it is complete."""
        if self.state is not State.COMPLETE:
            self.replace(status, text)
        return []

    def replace(self, status: int, text: str) -> None:
        """Become a plain text response of `status`, complete or not."""
        self.state = State.HELD
        self._collected = super().fail(status, text, "")

    def _head_of_stream(self) -> list[bytes]:
        return []


def _checked(headers: object) -> tuple[RawHeaders, int | None]:
    """The headers as a list of lower-case names, and what content-length says.

    Raises UnexpectedMessage for headers that are not pairs of bytes, and for a content-length that is no number.
    """
    pairs = []
    lengths = set()
    try:
        for name, value in headers:  # type: ignore[attr-defined]  # said below if not
            if type(name) is not bytes or type(value) is not bytes:
                raise TypeError
            name = name.lower()
            if name == b"content-length":
                lengths.add(value)
            pairs.append((name, value))
    except (TypeError, ValueError, AttributeError):
        raise UnexpectedMessage(f"headers are pairs of bytes; the app sent {headers!r:.200}") from None
    if not lengths:
        return pairs, None
    if len(lengths) > 1 or not (length := lengths.pop()).isdigit() or len(length) > 18:
        raise UnexpectedMessage(f"content-length is one decimal number; the app sent {headers!r:.200}")
    return pairs, int(length)


def _as_bytes(body: object) -> bytes:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise UnexpectedMessage(f"a body is bytes; the app sent {type(body).__name__}")
