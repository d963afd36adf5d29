"""One request to a front, from its arrival to its line on the terminal: what the three fronts have in common."""

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
    """A response of the front's own, in place of the function's: its status, the type of the error, and its message.

    `note` is for the terminal, where it may say more than the client is told.
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
    """The event. Raises RequestError when it is too large for an invocation."""
    if len(event) > limits.REQUEST_PAYLOAD:
        limit = limits.REQUEST_PAYLOAD
        raise RequestError(
            413, f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        )
    return event


class Call(ABC):
    """One request. A front says how it is accepted, and how the function's answer becomes a response."""

    def __init__(self, exchange: Exchange, console: Console) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self.console = console
        self.line = RequestLine(self.request.method, self.request.target, time.monotonic())
        self.request_id = self.line.request_id = str(uuid.uuid4())
        self.trace_root = trace_root(self.request.header("x-amzn-trace-id"))
        self.invocation: Invocation | None = None

    @property
    def is_head(self) -> bool:
        return self.request.method == "HEAD"

    async def serve(self) -> None:
        """Serves the request; the HTTP server's handler."""
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
        """The request's body. Raises RequestError."""
        return await self.exchange.read(limit, patience=limits.BODY_SECONDS)

    @abstractmethod
    async def accept(self) -> tuple[Function, Invocation] | None:
        """What to invoke; None when the response was given already. Raises RequestError and Refusal."""

    @abstractmethod
    async def respond(self, invocation: Invocation) -> None:
        """Makes the response of the function's answer."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """The response to a request that reaches no function."""

    @abstractmethod
    def refusal_of(self, error: RequestError) -> Refusal:
        """How this front says that a request broke HTTP or a limit."""

    @abstractmethod
    def throttled(self) -> Refusal:
        """How this front says that the function's reserved concurrency is used up."""
