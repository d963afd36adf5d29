"""The Runtime API's endpoints as methods, and what their statuses mean for a runtime.

Another transport, such as a native streaming runtime of AWS, would implement the same interface:
`next_invocation() -> (Invocation, RuntimeAPIWriter)`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from lambda_asgi._error_report import ErrorReport
from lambda_asgi._invocation import Invocation
from lambda_asgi._logging import logger
from lambda_asgi._runtime_api.connection import Connection
from lambda_asgi._runtime_api.pending import PendingReply
from lambda_asgi._runtime_api.protocol import (
    LAST_CHUNK,
    Reply,
    Requests,
    checked,
    chunked,
    error_trailers,
)
from lambda_asgi._version import __version__
from lambda_asgi.errors import ClientDisconnected, ConnectionToRuntimeAPILost


class RuntimeAPIClient:
    """One poller of the Runtime API. It has one connection, which it reopens if that closes.

    Args:
        address: `host:port`, from AWS_LAMBDA_RUNTIME_API.

    Raises:
        ConnectionToRuntimeAPILost: `address` is malformed. Every method raises it too: there is no
            connection, or it broke, or the status is 500. The environment is over then.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ConnectionToRuntimeAPILost(f"AWS_LAMBDA_RUNTIME_API={address!r} is not host:port")
        self._host, self._port = host.strip("[]"), int(port)
        self.requests = Requests(address, __version__)
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None

    @property
    def is_connected(self) -> bool:
        return self._connection is not None and self._connection.is_open

    async def connection(self) -> Connection:
        """Return the open connection, or open one. Tasks that ask at the same time share it."""
        if self._connection is None or not self._connection.is_open:
            opening = self._opening
            if opening is None:
                opening = self._opening = asyncio.create_task(
                    Connection.open(self._host, self._port)
                )
                opening.add_done_callback(self._opened)
            self._connection = await asyncio.shield(opening)
        return self._connection

    def _opened(self, _: asyncio.Task[Connection]) -> None:
        self._opening = None

    def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            self._connection.close()

    async def next_invocation(self) -> tuple[Invocation, "RuntimeAPIWriter"]:
        """Wait for an invocation.

        There is no time limit: the environment may be frozen meanwhile.

        Raises:
            ResponseRefused: The caller may ask again.
        """
        return self.invocation(await self._get(self.requests.next))

    def ask(self, callback: Callable[[PendingReply], None]) -> None:
        """Ask for an invocation over the open connection, and call back with the reply."""
        assert self._connection is not None, "it is open"
        self._connection.exchange(self.requests.next).when_done(callback)

    def invocation(self, reply: Reply) -> tuple[Invocation, "RuntimeAPIWriter"]:
        """Return the invocation of a reply to `next`. Raises as `next_invocation`."""
        assert self._connection is not None, "a reply came over it"
        checked(reply)
        invocation = Invocation.from_reply(reply.headers, reply.body)
        return invocation, RuntimeAPIWriter(self, self._connection, invocation)

    async def restore_next(self) -> None:
        """Wait while the snapshot is taken.

        It returns in the restored environment, where old sockets are dead.
        """
        await self._get(self.requests.restore_next)
        self.close()

    async def init_error(self, error: ErrorReport) -> None:
        await self.post(self.requests.init_error(error))

    async def restore_error(self, error: ErrorReport) -> None:
        await self.post(self.requests.restore_error(error))

    async def register_extension(self, name: str) -> bytes:
        """Register an internal extension, and return its identifier for `next_extension_event`."""
        reply = await self.post(self.requests.register_extension(name))
        return reply.headers.get(b"lambda-extension-identifier", b"")

    async def next_extension_event(self, identifier: bytes) -> None:
        await self._get(self.requests.next_extension_event(identifier))

    async def post(self, request: bytes) -> Reply:
        connection = await self.connection()
        return checked(await connection.exchange(request))

    async def _get(self, request: bytes) -> Reply:
        connection = await self.connection()
        reply = connection.exchange(request)
        try:
            return checked(await reply)
        except ConnectionToRuntimeAPILost:
            if not self.is_repeatable(reply):
                raise
            connection = await self.connection()
            return checked(await connection.exchange(request))

    def is_repeatable(self, reply: PendingReply) -> bool:
        """Return whether the request of a GET can be repeated, because its reply cannot arrive.

        The other end may close a kept-alive connection while we send on it.
        """
        connection = self._connection
        if reply.error is None or connection is None or not connection.exchanges:
            return False
        if connection.heard:
            logger.warning(
                "asking once more, after a reply that was cut or garbled: %s", reply.error
            )
        return True


_TAKES_NO_MORE = "the Runtime API takes no more of this response"


class RuntimeAPIWriter:
    """Answers one invocation, in one of three ways.

    - `stream` parts, the last of them with `last=True`, or `fail` before that. Then `delivered`
      waits until the Runtime API has accepted the response.
    - One `result`.
    - One `error`.

    If the connection has closed since `next`, a streamed response waits for a new one. Its parts
    keep their order.
    """

    def __init__(
        self, client: RuntimeAPIClient, connection: Connection, invocation: Invocation
    ) -> None:
        self._client = client
        self._connection = connection
        self._invocation = invocation
        self._begun = False
        self._ended = False
        self._reply: PendingReply | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: list[bytes] = []
        """Parts that wait for the new connection."""
        self._on_gone: Callable[[], None] | None = None

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Call `callback` once if the response cannot be sent any more, before its end was sent."""
        self._on_gone = callback

    @property
    def begun(self) -> bool:
        """Whether anything was streamed. From then on, only `fail` can report an error."""
        return self._begun

    def stream(self, parts: Sequence[bytes], last: bool) -> Awaitable[None] | None:
        """Send body parts, each as a chunk.

        Returns:
            What the caller must await: the peer reads more slowly than we write, or there is no
            connection yet.
            None: nothing to wait for.

        Raises:
            ClientDisconnected: Nobody reads any more. Raised at once, or when awaited.
        """
        if self._reply is None or last or self._reply.is_done:
            self.stream_now(parts, last)
        else:  # most parts of a stream
            self._connection.write(chunked(parts), more=True)
        if self._connection.is_clogged or self._connecting is not None:
            return self._drain(last)
        return None

    def stream_now(self, parts: Sequence[bytes], last: bool = False) -> None:
        """`stream` without waiting, for few small parts.

        Raises:
            ClientDisconnected: Nobody reads any more.
        """
        wire = chunked(parts)
        if last:
            wire.append(LAST_CHUNK)
            self._ended = True
            self._on_gone = None  # it is not needed any more, and would be a reference cycle
        if not self._begun:
            self._begun = True
            invocation = self._invocation
            head = self._client.requests.streamed_response(
                invocation.request_id, invocation.invocation_id
            )
            wire.insert(0, head)
            if self._connection.is_open:
                self._begin(last)
            else:
                self._connecting = asyncio.create_task(
                    self._connect(), name="new connection for a response"
                )
        if self._connecting is not None:
            self._unsent += wire
        elif self._reply is None or self._reply.is_done:
            raise ClientDisconnected(_TAKES_NO_MORE)
        else:
            self._connection.write(wire, more=not last)

    def _begin(self, last: bool) -> None:
        self._reply = self._connection.begin()
        if not last:
            self._reply.when_done(self._gone)

    async def _connect(self) -> None:
        try:
            self._connection = await self._client.connection()
        except ConnectionToRuntimeAPILost as error:
            self._reply = PendingReply()
            self._reply.fail(error)  # `delivered` raises it
            self._gone(self._reply)
        else:
            self._begin(self._ended)
            self._connection.write(self._unsent, more=not self._ended)
        finally:
            self._connecting, self._unsent = None, []

    async def _drain(self, last: bool) -> None:
        if self._connecting is not None:
            await asyncio.shield(self._connecting)
        await self._connection.drain()
        if not last and self._reply is not None and self._reply.is_done:
            raise ClientDisconnected(_TAKES_NO_MORE)

    def fail(self, report: ErrorReport) -> None:
        """End a begun stream with the announced error trailers.

        Error text in the body would look like content, and a post to `/error` would come too late.
        It does nothing if the stream has ended already.
        """
        if self._ended:
            return
        self._ended = True
        trailers = error_trailers(report)
        if self._connecting is not None:
            self._unsent.append(trailers)
        else:
            self._connection.write((trailers,), more=False)

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

    def _gone(self, _: PendingReply) -> None:
        if not self._ended:
            # the rest of the body was refused, so this connection cannot be used again
            self._connection.close()
        if self._on_gone is not None:
            on_gone = self._on_gone
            self._on_gone = None  # otherwise both would wait for the garbage collector
            on_gone()
