"""One request to a front, from its arrival to its line on the terminal. All fronts share this."""

import time
import uuid
from abc import ABC, abstractmethod
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console, RequestLine
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import RequestError
from lambda_emulator.invocation import Invocation, trace_root

__all__ = ["Call", "Refusal", "checked_event"]


class Refusal(Exception):
    """A response of the front instead of the function's: status, error type and message.

    `note` is for the terminal, and may say more than the client is told.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, note: str | None = None, close: bool = False
    ) -> None:
        super().__init__(message)
        self.status: Final = status
        self.kind: Final = kind
        self.message: Final = message
        self.note: Final = message if note is None else note
        self.close: Final = close


def checked_event(event: bytes) -> bytes:
    """Return the event.

    Raises:
        RequestError: It is too large for an invocation.
    """
    limit = limits.REQUEST_PAYLOAD
    if len(event) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise RequestError(413, message)
    return event


class Call(ABC):
    """One request.

    A front defines how to accept it, and how the function's answer becomes a response.
    """

    def __init__(self, exchange: Exchange, console: Console) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self.console = console
        self.line = RequestLine(self.request.method, self.request.target, time.monotonic())
        self.request_id = str(uuid.uuid4())
        self.line.request_id = self.request_id
        self.trace_root = trace_root(self.request.header("x-amzn-trace-id"))
        self.invocation: Invocation | None = None

    @property
    def is_head(self) -> bool:
        return self.request.method == "HEAD"

    async def serve(self) -> None:
        """Serve the request: the HTTP server's handler."""
        try:
            accepted = await self.accept()
            if accepted is not None:
                await self._invoke(*accepted)
        except RequestError as error:
            self._refuse(self.refusal_of(error))
        except Refusal as refusal:
            self._refuse(refusal)
        finally:
            self.console.request(self.line)

    async def _invoke(self, function: Function, invocation: Invocation) -> None:
        self.invocation = invocation
        self.line.request_id = invocation.request_id
        try:
            function.submit(invocation)
        except Throttled:
            raise self.throttled() from None
        try:
            await self.respond(invocation)
        finally:
            invocation.answer.body.discard()
        self.line.take_outcome(invocation)

    def _refuse(self, refusal: Refusal) -> None:
        self.line.note = refusal.note
        self.refuse(refusal)

    async def read_body(self, limit: int) -> bytes:
        """Return the request's body.

        Args:
            limit: The largest body in bytes.

        Raises:
            RequestError: It is larger, malformed, or does not arrive in time.
            PeerGone: The client closed the connection before its end.
        """
        return await self.exchange.read(limit, patience=limits.BODY_SECONDS)

    @abstractmethod
    async def accept(self) -> tuple[Function, Invocation] | None:
        """Return what to invoke, or None if the response was already sent.

        Raises:
            RequestError: The request violates HTTP or a limit.
            Refusal: The request reaches no function.
        """

    @abstractmethod
    async def respond(self, invocation: Invocation) -> None:
        """Make the response from the function's answer."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Respond to a request that reaches no function."""

    @abstractmethod
    def refusal_of(self, error: RequestError) -> Refusal:
        """Return this front's response to a request that violates HTTP or a limit."""

    @abstractmethod
    def throttled(self) -> Refusal:
        """Return this front's response when the function's reserved concurrency is used up."""
