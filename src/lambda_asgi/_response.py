"""The state of one response: ASGI messages in, bytes to send out. Pure.

Everything that changes the state is in this file. It does not know whether its bytes are streamed
or collected. TRANSITIONS says which input is allowed when; docs/architecture.md has it as a
diagram, made from the table.

`start` is held until a part of the body comes or the app waits, as the ASGI spec allows. So an
error right after it is still a 500.
"""

from enum import IntEnum, auto
from typing import Final, Protocol

from lambda_asgi import _prelude as prelude
from lambda_asgi._asgi import Message, RawHeaders
from lambda_asgi._describe import described
from lambda_asgi._headers import checked, without
from lambda_asgi._records import Records
from lambda_asgi.errors import ResponseTooLarge, UnexpectedMessage

LARGEST_STREAM = 200 * 1024 * 1024
"""Bytes of a streamed response, including the prelude. Lambda silently cuts longer ones (recorded
on AWS). https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

LARGEST_BUFFERED = 6 * 1024 * 1024
"""Bytes of a buffered result, as JSON.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


class State(IntEnum):
    START = 0
    """Nothing was sent."""
    HELD = auto()
    """`start` was taken, and is not sent yet."""
    STREAMING = auto()
    COMPLETE = auto()
    FAILED = auto()
    """If nothing was sent, a response of our own replaces it. Otherwise it is visibly broken."""


class Input(IntEnum):
    START = auto()
    BODY = auto()
    LAST_BODY = auto()
    WAIT = auto()
    """The app waits for something, so what is held can be sent."""
    ERROR = auto()


TRANSITIONS: Final[dict[tuple[State, Input], State]] = {
    (State.START, Input.START): State.HELD,
    (State.HELD, Input.BODY): State.STREAMING,
    (State.HELD, Input.LAST_BODY): State.COMPLETE,
    (State.HELD, Input.WAIT): State.STREAMING,
    (State.STREAMING, Input.BODY): State.STREAMING,
    (State.STREAMING, Input.LAST_BODY): State.COMPLETE,
    (State.START, Input.ERROR): State.FAILED,
    (State.HELD, Input.ERROR): State.FAILED,
    (State.STREAMING, Input.ERROR): State.FAILED,
}
"""A message without a row is out of order: it raises UnexpectedMessage and changes nothing. Other
inputs without a row do nothing: there is nothing to send, or the error is too late to be
reported.
"""

# The rows of TRANSITIONS for parts of a body: the state after each state.
_AFTER_BODY = [TRANSITIONS.get((state, Input.BODY)) for state in State]
_AFTER_LAST_BODY = [TRANSITIONS.get((state, Input.LAST_BODY)) for state in State]

# In Python 3.11, a member of an Enum class takes ten times as long to look up as a global name.
HELD, STREAMING, COMPLETE = State.HELD, State.STREAMING, State.COMPLETE

_IN_WORDS = {
    State.START: "nothing was sent yet",
    State.HELD: "http.response.start was sent",
    State.STREAMING: "the body has begun",
    State.COMPLETE: "the response is complete",
    State.FAILED: "the response has failed",
}


class Framing(Protocol):
    """How long the body is. Chosen once, at `start`."""

    def left(self, sent: int) -> int | None:
        """Return how many bytes can follow after `sent`; None if only the app knows."""

    def taken(self, body: bytes, sent: int, more: bool) -> bytes:
        """Return what to send of a part of the body.

        Args:
            body: The part.
            sent: How many bytes of the body precede it.
            more: Whether another part follows.

        Raises:
            UnexpectedMessage: The body has the wrong length.
        """


class NoBody:
    """HEAD, 204 and 304: no content, whatever the app sends.

    RFC 9110 sections 9.3.2, 15.3.5, 15.4.5.
    """

    def left(self, sent: int) -> int | None:
        return 0

    def taken(self, body: bytes, sent: int, more: bool) -> bytes:
        return b""


class AnnouncedLength:
    """Exactly as many bytes as content-length says."""

    def __init__(self, length: int) -> None:
        self.length = length

    def left(self, sent: int) -> int | None:
        return self.length - sent

    def taken(self, body: bytes, sent: int, more: bool) -> bytes:
        """Return `body`.

        Raises:
            UnexpectedMessage: With it the body is too long, or ends too early.
        """
        size = sent + len(body)
        if size > self.length or (size < self.length and not more):
            raise UnexpectedMessage(
                f"content-length is {self.length}, but the body has {size} bytes"
            )
        return body


class OpenEnded:
    """The app ends the body. Everything is sent."""

    def left(self, sent: int) -> int | None:
        return None

    def taken(self, body: bytes, sent: int, more: bool) -> bytes:
        return body


NO_BODY = NoBody()
OPEN_ENDED = OpenEnded()


class Response:
    """A streamed response. Its methods return what to send now.

    That is parts of the stream, the prelude first. `status`, `headers`, `body_bytes` and `chunks`
    describe what was sent so far.

    Args:
        head: Whether the request is a HEAD.
        limit: The largest stream in bytes, including the prelude.
        fill_empty: Whether an empty body of a status from 300 becomes one newline. Some clients of
            Function URLs wait forever for a first byte.
        error_records: Whether `fail` appends a record to a body of records.
        exclude_headers: Lower-case names of headers that are not sent.
    """

    def __init__(
        self,
        *,
        head: bool,
        limit: int,
        fill_empty: bool = True,
        error_records: bool = False,
        exclude_headers: frozenset[bytes] = frozenset(),
    ) -> None:
        self.state = State.START
        self.status = 0
        self.headers: RawHeaders = []
        self.body_bytes = 0
        self.chunks = 0
        """How many messages had a part of the body."""
        self._framing: Framing = NO_BODY if head else OPEN_ENDED
        self._head = head
        self._limit = limit
        self._room = limit
        """The most bytes that the body may have."""
        self._fill_empty = fill_empty
        self._error_records = error_records
        self._exclude_headers = exclude_headers
        self._records: Records | None = None

    def send(self, message: Message) -> list[bytes]:
        """Take one message of the app.

        If it raises, the state is unchanged, and nothing of the message is sent.

        Raises:
            UnexpectedMessage: The message is out of order or malformed, or the body has the wrong
                length.
            ResponseTooLarge: The response exceeds the limit.
            HeadersTooLarge: The prelude is too long.
        """
        kind = kind_of(message)
        if kind == "http.response.body":
            return self.take_body(message)
        if kind == "http.response.start":
            return self.take_start(message)
        raise UnexpectedMessage(
            f"the app sent {described(message)}: not a message of an HTTP response"
        )

    def take_start(self, message: Message) -> list[bytes]:
        """`send` for `http.response.start`.

        Raises:
            UnexpectedMessage: The message is out of order or malformed.
        """
        state = TRANSITIONS.get((self.state, Input.START))
        if state is None:
            raise self._out_of_order("http.response.start")
        status = message.get("status")
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise UnexpectedMessage(
                f"the app sent the status {described(status)}: a final one is from 200 to 599"
            )
        headers, length = checked(message.get("headers", ()), self._exclude_headers)
        if self._head or status in (204, 304):
            self._framing = NO_BODY
            if status == 204:  # RFC 9110 section 8.6: a server must not send one
                headers = without(b"content-length", headers)
        elif length is not None:
            self._framing = AnnouncedLength(length)
        if self._error_records and self._framing is not NO_BODY:
            self._records = Records.of(headers)
        self.status = int(status)
        self.headers = headers
        self.state = state
        return []

    def take_body(self, message: Message) -> list[bytes]:
        """`send` for `http.response.body`.

        Raises:
            UnexpectedMessage: The message is out of order or malformed, or the body has the wrong
                length.
            ResponseTooLarge: The response exceeds the limit.
            HeadersTooLarge: The prelude is too long.
        """
        body = message.get("body", b"")
        if type(body) is not bytes:
            body = _as_bytes(body)
        more = message.get("more_body", False)
        state = (_AFTER_BODY if more else _AFTER_LAST_BODY)[self.state]
        if state is None:
            raise self._out_of_order("http.response.body")
        if self._framing is not OPEN_ENDED:
            body = self._framing.taken(body, self.body_bytes, bool(more))
        if not (more or body or self.body_bytes):
            body = self._empty()
        parts = self._opening() if self.state is HELD else []
        size = self.body_bytes + len(body)
        if size > self._room:
            raise ResponseTooLarge(
                f"the response has more than the {self._limit} bytes that Lambda passes on"
            )
        self.state = state
        if body:
            self.body_bytes = size
            self.chunks += 1
            parts.append(body)
            if self._records is not None:
                self._records.passed(body)
        return parts

    def flush(self) -> list[bytes]:
        """Return what is held, because the app waits.

        Returns nothing if only the end of an empty body can follow. If it raises, the state is
        unchanged.

        Raises:
            ResponseTooLarge: The response announces more bytes than the limit.
            HeadersTooLarge: The prelude is too long.
        """
        state = TRANSITIONS.get((self.state, Input.WAIT))
        if state is None or (self._framing.left(0) == 0 and self._framing is not NO_BODY):
            return []
        parts = self._opening()
        self.state = state
        return parts

    @property
    def body_left(self) -> int | None:
        """Return how many bytes of a body can follow; None if only the app knows."""
        return self._framing.left(self.body_bytes)

    def fail(self, status: int, text: str, error_type: str) -> list[bytes]:
        """Take an error of the app or of ours.

        If nothing was sent, the response becomes plain text with `status`. Otherwise the state is
        FAILED, and the transport must report the error at the end of the stream. A body of records
        then gets one more record with `error_type`, if error records are on.
        """
        state = TRANSITIONS.get((self.state, Input.ERROR))
        if state is None:
            return []
        is_passed_on = self._is_passed_on
        self.state = state
        if not is_passed_on:
            return self._replacement(status, text)
        record = b"" if self._records is None else self._records.error(error_type)
        return [record] if record and self.body_bytes + len(record) <= self._room else []

    # A collected response overrides these.

    @property
    def _is_passed_on(self) -> bool:
        return self.state is State.STREAMING

    def _head_of_stream(self) -> list[bytes]:
        return [prelude.encode(self.status, self.headers)]

    # Used above.

    def _out_of_order(self, message: str) -> UnexpectedMessage:
        return UnexpectedMessage(f"the app sent {message} when {_IN_WORDS[self.state]}")

    def _empty(self) -> bytes:
        """Return the body of a response that has none: nothing, or one newline.

        Its length is announced.
        """
        if self._framing is NO_BODY:
            return b""
        held = self.state is State.HELD
        fills = self._fill_empty and self.status >= 300 and (held or self._framing is OPEN_ENDED)
        body = b"\n" if fills else b""
        if held:
            self._set_content_length(len(body))
        return body

    def _opening(self) -> list[bytes]:
        """Return what precedes the body."""
        parts = self._head_of_stream()
        self._room = self._limit - sum(map(len, parts))
        announced = self._framing.left(0)
        if announced is not None and announced > self._room:
            raise ResponseTooLarge(
                f"the response announces {announced} bytes; Lambda passes {self._limit} on, "
                "headers included"
            )
        return parts

    def _replacement(self, status: int, text: str) -> list[bytes]:
        body = text.encode()
        self.status = status
        self.headers = [(b"content-type", b"text/plain; charset=utf-8")]
        self._set_content_length(len(body))
        self._framing = NO_BODY if self._head else OPEN_ENDED
        self.body_bytes = 0 if self._head else len(body)
        return [*self._opening(), body[: self.body_bytes]]

    def _set_content_length(self, size: int) -> None:
        self.headers = [
            *without(b"content-length", self.headers),
            (b"content-length", b"%d" % size),
        ]


class BufferedResponse(Response):
    """A response that is collected. Nothing is sent before its end; then `body` has all of it."""

    def __init__(
        self,
        *,
        head: bool,
        limit: int = LARGEST_BUFFERED,
        exclude_headers: frozenset[bytes] = frozenset(),
    ) -> None:
        super().__init__(head=head, limit=limit, fill_empty=False, exclude_headers=exclude_headers)
        self._collected: list[bytes] = []

    @property
    def body(self) -> bytes:
        return b"".join(self._collected)

    def take_body(self, message: Message) -> list[bytes]:
        self._collected += super().take_body(message)
        return []

    def flush(self) -> list[bytes]:
        return []

    def fail(self, status: int, text: str, error_type: str) -> list[bytes]:
        """Replace the response, which nobody has seen yet, unless it is complete."""
        parts = super().fail(status, text, error_type)
        if self.state is State.FAILED:
            self._collected = parts
        return []

    @property
    def _is_passed_on(self) -> bool:
        return False

    def _head_of_stream(self) -> list[bytes]:
        return []


def kind_of(message: object) -> object:
    """Return the type of an ASGI message; None if it is not one."""
    try:
        return message.get("type")  # type: ignore[attr-defined]  # caught if not
    except AttributeError:
        return None


def _as_bytes(body: object) -> bytes:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise UnexpectedMessage(f"a body is bytes; the app sent {type(body).__name__}")
