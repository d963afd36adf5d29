"""One event on its way to a runtime, and the answer on its way back.

The two ends are separate: the runtime's side fills the answer, and a front empties it at its
client's pace. Each may leave without the other: a timeout ends the runtime, and a client may
disconnect.
"""

import asyncio
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from lambda_emulator import limits

__all__ = [
    "INTEGRATION_TYPE",
    "Answer",
    "AnswerStart",
    "Body",
    "ErrorAnswer",
    "Invocation",
    "Outcome",
    "Report",
    "new_trace_root",
    "trace_root",
]


INTEGRATION_TYPE: Final = "application/vnd.awslambda.http-integration-response"


class Outcome(Enum):
    """How an answer ended."""

    SUCCESS = "success"
    ERROR = "error"
    """The runtime posted /error, or announced error trailers behind a stream."""
    TIMEOUT = "timeout"
    CRASH = "crash"
    """The runtime's process ended, or closed its connection in the middle of its answer."""
    TOO_LARGE = "too large"
    """A buffered answer over the limit."""


@dataclass(frozen=True, slots=True)
class AnswerStart:
    """What is known before the first byte. `streaming` is the Runtime API's response mode, not the
    front's.
    """

    streaming: bool
    content_type: str

    @property
    def has_prelude(self) -> bool:
        """Whether status, headers and eight NULs precede the body."""
        if not self.streaming:
            return False
        media_type, _, _ = self.content_type.partition(";")
        return media_type.strip().lower() == INTEGRATION_TYPE


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer that never began. `body` is the error as JSON, from the runtime or (`platform`)
    from Lambda.
    """

    kind: str
    body: bytes
    platform: bool


class Body:
    """The bytes of an answer between its two ends. It is bounded: `put` waits for a slow reader.

    Items keep their borders, because a Function URL makes one HTTP chunk of each write of its
    function.
    """

    def __init__(self, limit: int = limits.READ_AHEAD) -> None:
        self._limit = limit
        self._items: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self._discarding = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def add(self, items: list[bytes]) -> None:
        """Add items, even if the body is full. After `discard` or `close` they are dropped."""
        if self._discarding or self._closed:
            return
        self._items += items
        self._size += sum(map(len, items))
        self._readable.set()

    async def put(self, items: list[bytes]) -> None:
        """Add items, then wait until the reader has caught up."""
        self.add(items)
        while self._size >= self._limit and not self._closed:
            self._writable.clear()
            await self._writable.wait()

    def close(self) -> None:
        """End the body. What is there can still be read."""
        self._closed = True
        self._readable.set()
        self._writable.set()

    def discard(self) -> None:
        """Drop everything, now and later, because the reader leaves.

        The writer then never waits.
        """
        self._discarding = True
        self._items.clear()
        self._size = 0
        self._writable.set()

    async def get(self) -> list[bytes]:
        """Return all items that are there, at least one. [] is the end."""
        while not self._items:
            if self._closed or self._discarding:
                return []
            self._readable.clear()
            await self._readable.wait()
        items = list(self._items)
        self._items.clear()
        self._size = 0
        self._writable.set()
        return items

    async def read(self, limit: int) -> bytes | None:
        """Return all bytes to the end. If there are more than `limit`, drop the rest and return
        None.
        """
        everything: list[bytes] = []
        size = 0
        while items := await self.get():
            everything += items
            size += sum(map(len, items))
            if size > limit:
                self.discard()
                return None
        return b"".join(everything)


class Answer:
    """A runtime's reply to one invocation: a start or an error, a body, and an outcome."""

    def __init__(self) -> None:
        self.start: asyncio.Future[AnswerStart | ErrorAnswer] = (
            asyncio.get_running_loop().create_future()
        )
        self.body = Body()
        self.outcome: Outcome | None = None
        self.error: bytes = b""
        """The JSON of what went wrong after the start, as far as the runtime told."""
        self.cut = False
        """Bytes beyond the limit of a stream were dropped."""

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    def begin(self, start: AnswerStart) -> None:
        if not self.start.done():
            self.start.set_result(start)

    def end(self, outcome: Outcome, error: bytes = b"") -> None:
        """End the answer. Only the first call counts."""
        if self.ended:
            return
        self.outcome, self.error = outcome, error
        self.body.close()

    def fail(self, error: ErrorAnswer, outcome: Outcome = Outcome.ERROR) -> None:
        """Report `error` instead of the answer. After the start it only ends the body."""
        if not self.start.done() and not self.ended:
            self.start.set_result(error)
        self.end(outcome, error.body)


def trace_root(header: str | None) -> str:
    """Return the Root of a client's x-amzn-trace-id, if it sent one (assumed), else a new one."""
    for part in (header or "").split(";"):
        key, _, value = part.strip().partition("=")
        is_trace_id = len(value) == 35 and value.replace("-", "").isalnum()
        if key.lower() == "root" and is_trace_id:
            return value
    return new_trace_root()


def new_trace_root() -> str:
    """Return a trace id like X-Ray's: version, epoch seconds and 96 random bits in hex."""
    return f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"


@dataclass(slots=True)
class Invocation:
    """One event for a function. `qualifier` is the version or alias that was called."""

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_root: str = field(default_factory=new_trace_root)
    streaming: bool = False
    """The caller takes a stream: a RESPONSE_STREAM URL, or InvokeWithResponseStream."""
    qualifier: str = "$LATEST"
    client_context: str | None = None
    tenant_id: str | None = None
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Lambda-Runtime-Invocation-Id: tells the current delivery from an earlier one."""
    answer: Answer = field(default_factory=Answer)
    parent: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """The environment has finished with it: the runtime asked for more, or was ended."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """All has been said of it: the report is complete, and so is the log."""
    report: "Report | None" = None


@dataclass(slots=True)
class Report:
    """The figures of the REPORT line, in seconds and MiB, and the log's tail."""

    duration: float = 0.0
    init_duration: float | None = None
    restore_duration: float | None = None
    memory: int = 0
    max_memory_used: int = 0
    status: str = ""
    log_tail: bytearray = field(default_factory=bytearray)

    def add_to_tail(self, data: bytes) -> None:
        """Keep the last 4 KiB."""
        self.log_tail += data
        del self.log_tail[: -limits.LOG_TAIL]

    @property
    def cold(self) -> bool:
        """Whether it is the first invocation of its environment."""
        return self.init_duration is not None or self.restore_duration is not None
