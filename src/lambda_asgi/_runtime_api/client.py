"""The Runtime API's endpoints as methods, and what their statuses mean for a runtime.

Another transport, such as a native streaming runtime of AWS, would implement the same interface:
`next_invocation() -> (Invocation, RuntimeAPIWriter)`.
"""

import asyncio
from collections.abc import Callable

from lambda_asgi._error_report import ErrorReport
from lambda_asgi._invocation import Invocation
from lambda_asgi._logging import logger
from lambda_asgi._runtime_api.connection import Connection
from lambda_asgi._runtime_api.pending import PendingReply
from lambda_asgi._runtime_api.protocol import Reply, Requests, checked
from lambda_asgi._runtime_api.writer import RuntimeAPIWriter
from lambda_asgi._version import __version__
from lambda_asgi.errors import ConnectionToRuntimeAPILost


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

    async def next_invocation(self) -> tuple[Invocation, RuntimeAPIWriter]:
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

    def invocation(self, reply: Reply) -> tuple[Invocation, RuntimeAPIWriter]:
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
