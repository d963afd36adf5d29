"""One request to an API of API Gateway: what REST APIs and HTTP APIs have in common."""

import asyncio
import json
import time
from abc import abstractmethod
from email.utils import formatdate
from typing import ClassVar

from lambda_emulator import limits
from lambda_emulator.fronts.call import Call, Refusal
from lambda_emulator.fronts.gateway_event import Address, Arrival
from lambda_emulator.fronts.http_answer import BODYLESS
from lambda_emulator.fronts.proxy_response import ProxyResponse
from lambda_emulator.http.message import Header, RequestError, response_head
from lambda_emulator.invocation import ErrorAnswer, Invocation

__all__ = ["GatewayCall"]

_ERROR_TYPE = "InternalServerErrorException"


class GatewayCall(Call):
    """`server_error` is the text of the API's 5xx."""

    address: Address
    debug: bool
    """There are no time limits: somebody steps through the function."""
    server_error: ClassVar[str]

    async def arrive(self) -> Arrival:
        """Return the request with its body.

        Raises:
            RequestError: The body is too large or malformed, or the client left.
        """
        body = await self.read_body(limits.API_GATEWAY_PAYLOAD)
        return Arrival(
            self.request,
            body,
            self.exchange.peer[0],
            self.address,
            self.request_id,
            self.trace_root,
            time.time(),
            self.address.domain,
        )

    def time_limit(self, seconds: float) -> asyncio.Timeout:
        """Return how long the API waits for its function."""
        return asyncio.timeout(None if self.debug else seconds)

    async def buffered(self, invocation: Invocation, seconds: float) -> bytes | ErrorAnswer | None:
        """Wait for a function's whole answer, as Invoke does.

        Args:
            invocation: The invocation, which has been started.
            seconds: How long the API waits.

        Returns:
            The answer, the error instead of it, or None if it exceeds the limit.

        Raises:
            TimeoutError: There was no answer in time. The function continues to run.
        """
        async with self.time_limit(seconds):
            start = await asyncio.shield(invocation.answer.start)
            if isinstance(start, ErrorAnswer):
                return start
            return await invocation.answer.body.read(limits.BUFFERED_RESPONSE)

    # ---- writing

    def write_whole(self, response: ProxyResponse) -> None:
        """Send a response of known length."""
        body = response.body
        framing = [("Content-Length", str(len(body)))]
        if response.status in BODYLESS:
            body = b""
            framing = []
        elif self.is_head:
            body = b""
        head = self.head(response, framing)
        self.exchange.write(head + body)
        self.line.count(len(body), chunks=1 if body else 0)
        self.exchange.finish()

    def head(self, response: ProxyResponse, framing: list[Header]) -> bytes:
        """Return the status line and all headers for a response of the function."""
        self.line.status = response.status
        connection = "keep-alive" if self.request.keep_alive else "close"
        headers = [
            ("Date", formatdate(usegmt=True)),
            *framing,
            ("Connection", connection),
            *self.with_ids(response.headers),
        ]
        return response_head(response.status, headers)

    def write_error(self, status: int, message: str, kind: str = _ERROR_TYPE) -> None:
        """Send an error response of the API.

        Args:
            status: The status.
            message: The text in the JSON body.
            kind: The value of x-amzn-ErrorType. HTTP APIs do not send it.
        """
        self.refuse(Refusal(status, kind, message))

    def refuse(self, refusal: Refusal) -> None:
        self.line.status = refusal.status
        text = json.dumps({"message": refusal.message}, separators=(",", ":"))
        body = text.encode()
        own = [("Content-Type", "application/json"), *self.error_type(refusal.kind)]
        headers = [("Date", formatdate(usegmt=True)), *self.with_ids(own)]
        self.line.count(len(body), chunks=1)
        self.exchange.respond(refusal.status, headers, body, close=refusal.close)

    def refusal_of(self, error: RequestError) -> Refusal:
        text = self.too_large if error.status == 413 else str(error)
        return Refusal(error.status, _ERROR_TYPE, text, note=str(error), close=True)

    def throttled(self) -> Refusal:
        note = "throttled: over the reserved concurrency"
        return Refusal(500, _ERROR_TYPE, self.server_error, note=note)

    too_large: ClassVar[str]
    """The text of a 413."""

    @abstractmethod
    def with_ids(self, headers: list[Header]) -> list[Header]:
        """Return the headers with the API's request ids."""

    def error_type(self, kind: str) -> list[Header]:
        """Return the name of an error of the API. HTTP APIs send none."""
        return []
