"""The Lambda API's data plane: Invoke and InvokeWithResponseStream, so that boto3 can call
functions.

Paths, headers and members: botocore's service model. Function errors look as recorded
(docs/fidelity.md). Signatures are not checked here: anyone who reaches the port may invoke.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qs, unquote

from lambda_emulator import limits
from lambda_emulator.console import Console, error_text
from lambda_emulator.event_queue import EventQueue
from lambda_emulator.fronts import eventstream
from lambda_emulator.fronts.call import Call, Refusal
from lambda_emulator.fronts.function_name import parse_name
from lambda_emulator.fronts.pacing import AtOnce, TokenBucket
from lambda_emulator.fronts.streaming import http_chunk, stream
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Header, RequestError, response_head
from lambda_emulator.invocation import ErrorAnswer, Invocation, Outcome

__all__ = ["InvokeAPI"]

_PATHS: Final = re.compile(
    r"/(2015-03-31/functions/(?P<plain>[^/]+)/invocations|"
    r"2021-11-15/functions/(?P<stream>[^/]+)/response-streaming-invocations)"
)
_BAD_PARAMETER: Final = "InvalidParameterValueException"
_QUALIFIER: Final = re.compile(r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9_-]{1,128}")
_BAD_CONTENT: Final = "InvalidRequestContentException"


@dataclass(frozen=True, slots=True)
class InvokeAPI:
    """Serves all functions of the emulator on one port."""

    functions: Mapping[str, Function]
    events: EventQueue
    console: Console
    pace: bool = False

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        await _Call(self, exchange).serve()


class _Call(Call):
    """One request to the Invoke API. `streaming`: it is an InvokeWithResponseStream."""

    streaming = False

    def __init__(self, api: InvokeAPI, exchange: Exchange) -> None:
        super().__init__(exchange, api.console)
        self.api = api
        self.kind = self.request.header("x-amz-invocation-type") or "RequestResponse"

    # ---- before the function

    async def accept(self) -> tuple[Function, Invocation] | None:
        path, _, query = self.request.target.partition("?")
        match = _PATHS.fullmatch(path)
        if self.request.method != "POST" or match is None:
            message = "the emulator invokes and reads functions; it creates and changes none"
            raise Refusal(404, "UnknownOperationException", message)
        self.streaming = match["stream"] is not None
        name = unquote(match["plain"] or match["stream"])
        function, qualifier = self._function(name)
        qualifiers = parse_qs(query).get("Qualifier", [qualifier])
        self._check_members()
        payload = await self._payload()
        context = self.request.header("x-amz-client-context")
        invocation = Invocation(
            payload,
            self.request_id,
            self.trace_root,
            streaming=self.streaming,
            qualifier=_checked_qualifier(qualifiers[0]),
            client_context=_client_context(context),
            tenant_id=self.request.header("x-amz-tenant-id"),
        )
        if self.kind == "DryRun":
            self._accepted(204, invocation)
            return None
        if self.kind == "Event":  # never throttled: it waits in the queue
            self.api.events.add(function, invocation)
            self._accepted(202, invocation)
            return None
        return function, invocation

    def _function(self, name: str) -> tuple[Function, str]:
        """Return the function of a name or an ARN, and the qualifier in it."""
        parsed = parse_name(name)
        if parsed is not None:
            plain, qualifier = parsed
            function = self._known(plain)
            if function is not None:
                return function, qualifier
        known = ", ".join(self.api.functions)
        message = f"Function not found; the emulator has: {known}"
        raise Refusal(404, "ResourceNotFoundException", message)

    def _known(self, name: str) -> Function | None:
        """Return a function by its name or, as sam accepts too, by its logical id."""
        if name in self.api.functions:
            return self.api.functions[name]
        for function in self.api.functions.values():
            if function.config.logical_id == name:
                return function
        return None

    def _check_members(self) -> None:
        """Check members that have only a few valid values.

        Raises:
            Refusal: One has another value.
        """
        kinds = ["RequestResponse", "DryRun"]
        if not self.streaming:
            kinds.insert(1, "Event")
        log_type = self.request.header("x-amz-log-type") or "None"
        _check_member("invocationType", self.kind, kinds)
        _check_member("logType", log_type, ["None", "Tail"])

    async def _payload(self) -> bytes:
        limit = limits.REQUEST_PAYLOAD
        if self.kind == "Event" and not self.streaming:
            limit = limits.ASYNCHRONOUS_PAYLOAD
        payload = await self.read_body(limit) or b"{}"
        try:
            json.loads(payload)
        except (ValueError, RecursionError) as error:
            message = f"Could not parse request body into json: {error}"
            raise Refusal(400, _BAD_CONTENT, message) from error
        return payload

    # ---- the function's answer

    async def respond(self, invocation: Invocation) -> None:
        if self.streaming:
            await self._streamed(invocation)
        else:
            await self._buffered(invocation)

    def _accepted(self, status: int, invocation: Invocation) -> None:
        self.line.status = status
        self.exchange.respond(status, self._headers(invocation))

    async def _buffered(self, invocation: Invocation) -> None:
        """Respond with one body.

        A streamed answer is joined, and its errors are not reported (recorded).
        """
        answer = invocation.answer
        start = await answer.start
        content_type = "application/json"
        extra = [("X-Amz-Function-Error", "Unhandled")]
        if isinstance(start, ErrorAnswer):
            body = start.body
            if answer.outcome is Outcome.TOO_LARGE:
                body = _pretty(body)
        else:
            data = await answer.body.read(limits.BUFFERED_RESPONSE)
            if data is None:
                body = _too_large()
            else:
                body = data
                extra = []
                if start.streaming:
                    extra = [("x-amzn-Remapped-Content-Length", "0")]
                    content_type = "application/octet-stream" if data else "application/json"
        tail = await self._log_result(invocation)
        if tail is not None:
            extra.append(("X-Amz-Log-Result", tail))
        headers = [("Content-Type", content_type), *self._headers(invocation), *extra]
        self.line.status = 200
        self.line.count(len(body), chunks=1 if body else 0)
        self.exchange.respond(200, headers, body)

    async def _streamed(self, invocation: Invocation) -> None:
        """Send the head at the first byte or at the end.

        The prelude, if any, is payload like the rest.
        """
        answer = invocation.answer
        start = await answer.start
        error = None
        if not isinstance(start, ErrorAnswer):
            content_type = start.content_type
            items = await answer.body.get()
        elif start.platform:
            content_type = "application/json"
            items = []
            # Assumed: no recording shows an error code.
            error = error_text(start.body)
        else:
            content_type = "application/json"
            items = [start.body]
        self.line.status = 200
        headers = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", eventstream.CONTENT_TYPE),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "keep-alive" if self.request.keep_alive else "close"),
            *self._headers(invocation),
            ("x-amzn-Remapped-Content-Type", content_type),
        ]
        head = response_head(200, headers)
        pace = TokenBucket() if self.api.pace else AtOnce()
        await stream(
            self.exchange, self.line, head, items, answer.body, pace=pace, frame=_framed_chunk
        )
        tail = await self._log_result(invocation)
        if answer.outcome is Outcome.CRASH and error is None:
            # Assumed, as above.
            error = error_text(answer.error)
        last = eventstream.invoke_complete(log_result=tail, error=error)
        self.exchange.write(http_chunk(last) + b"0\r\n\r\n")
        self.exchange.finish()

    async def _log_result(self, invocation: Invocation) -> str | None:
        """Return the last 4 KiB of the log for `LogType: Tail`, once the invocation is complete."""
        if (self.request.header("x-amz-log-type") or "None") != "Tail":
            return None
        await invocation.done.wait()
        report = invocation.report
        log = bytes(report.log_tail) if report is not None else b""
        tail = log[-limits.LOG_TAIL :]
        return base64.b64encode(tail).decode("ascii")

    def _headers(self, invocation: Invocation) -> list[Header]:
        trace = f"Root={invocation.trace_root};Parent={invocation.parent};Sampled=0"
        return [
            ("x-amzn-RequestId", invocation.request_id),
            ("X-Amz-Executed-Version", "$LATEST"),
            ("X-Amzn-Trace-Id", trace),
        ]

    # ---- AWS's own responses

    def throttled(self) -> Refusal:
        return Refusal(429, "TooManyRequestsException", "Rate Exceeded.")

    def refusal_of(self, error: RequestError) -> Refusal:
        if error.status != 413:
            return Refusal(error.status, _BAD_CONTENT, str(error), close=True)
        limit = limits.ASYNCHRONOUS_PAYLOAD if self.kind == "Event" else limits.REQUEST_PAYLOAD
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        return Refusal(413, "RequestEntityTooLargeException", message, close=True)

    def refuse(self, refusal: Refusal) -> None:
        self.line.status = refusal.status
        body = json.dumps({"Type": "User", "Message": refusal.message}).encode()
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", refusal.kind)]
        self.exchange.respond(refusal.status, headers, body, close=refusal.close)


def _framed_chunk(item: bytes) -> bytes:
    return http_chunk(eventstream.payload_chunk(item))


def _too_large() -> bytes:
    size = limits.BUFFERED_RESPONSE
    message = f"Response payload size exceeded maximum allowed payload size ({size} bytes)."
    error = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
    return _pretty(json.dumps(error).encode())


def _check_member(member: str, value: str, allowed: list[str]) -> None:
    if value not in allowed:
        reason = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        message = f"Value {value!r} at {member!r} failed to satisfy constraint: {reason}"
        raise Refusal(400, _BAD_PARAMETER, message)


def _checked_qualifier(qualifier: str) -> str:
    if not _QUALIFIER.fullmatch(qualifier):
        raise Refusal(400, _BAD_PARAMETER, f"Qualifier {qualifier!r} is no version and no alias")
    return qualifier


def _client_context(header: str | None) -> str | None:
    """Return the client context: base64 JSON from the client, JSON text for the runtime."""
    if header is None:
        return None
    if len(header) > limits.CLIENT_CONTEXT:
        message = f"Client context must be no more than {limits.CLIENT_CONTEXT} bytes of base64"
        raise Refusal(400, _BAD_CONTENT, message)
    try:
        text = base64.b64decode(header, validate=True)
        return json.dumps(json.loads(text))
    except (ValueError, RecursionError) as error:
        message = f"Client context must be base64 JSON: {error}"
        raise Refusal(400, _BAD_CONTENT, message) from error


def _pretty(body: bytes) -> bytes:
    return json.dumps(json.loads(body), indent=2).encode()
