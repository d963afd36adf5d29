"""Answering one invocation: what leaves when, and in which chunk."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from lambda_asgi._error_report import ErrorReport
from lambda_asgi._invocation import Invocation
from lambda_asgi._runtime_api.connection import Connection
from lambda_asgi._runtime_api.pending import PendingReply
from lambda_asgi._runtime_api.protocol import LAST_CHUNK, checked, chunk, error_trailers
from lambda_asgi.errors import ClientDisconnected, ConnectionToRuntimeAPILost

if TYPE_CHECKING:
    from lambda_asgi._runtime_api.client import RuntimeAPIClient

# Parts of one iteration of the event loop are held, and sent together, up to this size. Few large
# writes are faster than many small ones, for the reader too (docs/performance.md). A cycle ends an
# iteration after a millisecond (FAIR_SHARE), so only an app that blocks the event loop delays them.
HOLD_UP_TO = 1024 * 1024

_TAKES_NO_MORE = "the Runtime API takes no more of this response"


class RuntimeAPIWriter:
    """Answers one invocation, in one of three ways.

    - `stream` parts, the last of them with `last=True`, or `fail` before that. Then `delivered`
      waits until the Runtime API has accepted the response.
    - One `result`.
    - One `error`.

    The first part of an iteration of the event loop is sent at once. The following ones of the same
    iteration are sent together, when it ends or when they are many. What is sent together is one
    chunk: where a chunk ends means nothing (RFC 9112 section 7.1).

    If the connection has closed since `next`, a streamed response waits for a new one. Its parts
    keep their order.
    """

    def __init__(
        self, client: "RuntimeAPIClient", connection: Connection, invocation: Invocation
    ) -> None:
        self._client = client
        self._connection = connection
        self._invocation = invocation
        self._begun = False
        self._ended = False
        self._held: list[bytes] = []
        """Parts that are not sent yet."""
        self._held_size = 0
        self._end_of_iteration: asyncio.Handle | None = None
        """Set while parts are held: from the first part of an iteration to the iteration's end."""
        self._reply: PendingReply | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: list[bytes] = []
        """What waits for the new connection."""
        self._on_gone: Callable[[], None] | None = None

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Call `callback` once if the response cannot be sent any more, before its end was sent."""
        self._on_gone = callback

    @property
    def begun(self) -> bool:
        """Whether anything was streamed. From then on, only `fail` can report an error."""
        return self._begun

    def stream(self, parts: Sequence[bytes], last: bool) -> Awaitable[None] | None:
        """Send parts of the body.

        Returns:
            What the caller must await: the peer reads more slowly than we write, or there is no
            connection yet.
            None: nothing to wait for.

        Raises:
            ClientDisconnected: Nobody reads any more. Raised at once, or when awaited.
        """
        for part in parts:
            self._held_size += len(part)
        self._held += parts
        if self._end_of_iteration is not None and self._held_size < HOLD_UP_TO and not last:
            return None
        self._send(LAST_CHUNK if last else b"")
        if self._connection.is_clogged or self._connecting is not None:
            return self._drain(last)
        return None

    def stream_now(self, parts: Sequence[bytes], last: bool = False) -> None:
        """`stream` without waiting, for few small parts.

        Raises:
            ClientDisconnected: Nobody reads any more.
        """
        self._held_size += sum(map(len, parts))
        self._held += parts
        self._send(LAST_CHUNK if last else b"")

    def fail(self, report: ErrorReport) -> None:
        """End a begun stream with the announced error trailers.

        Error text in the body would look like content, and a post to `/error` would come too late.
        It does nothing if the stream has ended already.
        """
        if not self._ended:
            with suppress(ClientDisconnected):
                self._send(error_trailers(report))

    def _send(self, end: bytes) -> None:
        """Send what is held, and the `end` of the body if there is one.

        Raises:
            ClientDisconnected: Nobody reads any more.
        """
        held, size = self._held, self._held_size
        self._held, self._held_size = [], 0
        if self._reply is not None and self._reply.is_done:
            raise ClientDisconnected(_TAKES_NO_MORE)
        wire = chunk(held, size)
        if end:
            wire.append(end)
            self._ended = True
            self._on_gone = None  # it is not needed any more, and would be a reference cycle
        elif self._end_of_iteration is None:
            loop = asyncio.get_running_loop()
            self._end_of_iteration = loop.call_soon(self._iteration_ended)
        if not self._begun:
            self._begun = True
            invocation = self._invocation
            head = self._client.requests.streamed_response(
                invocation.request_id, invocation.invocation_id
            )
            wire.insert(0, head)
            if self._connection.is_open:
                self._begin()
            else:
                self._connecting = asyncio.create_task(
                    self._connect(), name="new connection for a response"
                )
        if self._connecting is not None:
            self._unsent += wire
        else:
            self._connection.send(wire)

    def _iteration_ended(self) -> None:
        if self._held:
            self._send(b"")
        self._end_of_iteration = None  # last: what is sent here does not begin another iteration

    def _begin(self) -> None:
        self._reply = self._connection.begin()
        if not self._ended:
            self._reply.when_done(self._gone)

    async def _connect(self) -> None:
        try:
            self._connection = await self._client.connection()
        except ConnectionToRuntimeAPILost as error:
            self._reply = PendingReply()
            self._reply.fail(error)  # `delivered` raises it
            self._gone(self._reply)
        else:
            self._begin()
            self._connection.send(self._unsent)
        finally:
            self._connecting, self._unsent = None, []

    async def _drain(self, last: bool) -> None:
        if self._connecting is not None:
            await asyncio.shield(self._connecting)
        await self._connection.drain()
        if not last and self._reply is not None and self._reply.is_done:
            raise ClientDisconnected(_TAKES_NO_MORE)

    def _gone(self, _: PendingReply) -> None:
        """The reply has arrived before the end of the body, or cannot arrive."""
        if self._end_of_iteration is not None:
            self._end_of_iteration.cancel()
            self._end_of_iteration = None  # `stream` holds nothing more, and raises
        if not self._ended:
            # the rest of the body was refused, so this connection cannot be used again
            self._connection.close()
        if self._on_gone is not None:
            on_gone = self._on_gone
            self._on_gone = None  # otherwise both would wait for the garbage collector
            on_gone()

    @property
    def is_sent(self) -> bool:
        """Whether a response was streamed to its end. Its reply may be missing."""
        return self._ended and self._connecting is None

    def when_delivered(self, callback: Callable[[PendingReply], None]) -> None:
        """Call back with the reply to a streamed response that `is_sent`."""
        assert self._reply is not None, "it was streamed"
        self._reply.when_done(callback)

    async def delivered(self) -> None:
        """Wait for the reply to the streamed response.

        Raises:
            ResponseRefused: The Runtime API did not accept it.
            ConnectionToRuntimeAPILost: There was no reply.
        """
        if self._connecting is not None:
            await self._connecting
        assert self._reply is not None, "nothing was streamed"
        checked(await self._reply)

    async def result(self, body: bytes) -> None:
        """Answer with a whole result, JSON in bytes.

        Raises:
            ResponseRefused: The Runtime API did not accept it.
        """
        invocation = self._invocation
        await self._client.post(
            self._client.requests.buffered_response(
                invocation.request_id, invocation.invocation_id, body
            )
        )

    async def error(self, error: ErrorReport) -> None:
        """Report that the invocation failed.

        Raises:
            ResponseRefused: The Runtime API did not accept it.
        """
        invocation = self._invocation
        await self._client.post(
            self._client.requests.invocation_error(
                invocation.request_id, invocation.invocation_id, error
            )
        )
