"""Turn a runtime's posts to `response` and `error` into the answer to an invocation."""

import base64
import json
import re
from typing import Final

from lambda_emulator import limits
from lambda_emulator.function.runtime_replies import accept, refuse
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import PeerGone, RequestError
from lambda_emulator.invocation import (
    INTEGRATION_TYPE,
    AnswerStart,
    ErrorAnswer,
    Invocation,
    Outcome,
)

__all__ = ["error_json", "error_type", "receive_error", "receive_response"]

_ERROR_TYPE: Final = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_STREAMING: Final = "streaming"
_TRUNCATED: Final = "Runtime.TruncatedResponse"


def error_json(kind: str, message: str) -> bytes:
    """Return an error as Lambda writes it."""
    error = {"errorType": kind, "errorMessage": message}
    return json.dumps(error, separators=(",", ":")).encode()


def error_type(exchange: Exchange) -> str:
    """Return an error type as the platform reports it.

    (Runtime|Function).CamelCase is kept. Other values become Function.Unknown or Runtime.Unknown.
    """
    kind = exchange.request.header("lambda-runtime-function-error-type") or ""
    if _ERROR_TYPE.fullmatch(kind):
        return kind
    return "Function.Unknown" if kind.startswith("Function.") else "Runtime.Unknown"


async def receive_response(exchange: Exchange, invocation: Invocation) -> None:
    """Fill the answer from a post to `response`, and reply to the post."""
    content_type = exchange.request.header("content-type")
    if _is_streaming(exchange, invocation):
        invocation.answer.begin(AnswerStart(True, content_type or "application/octet-stream"))
        await _stream(exchange, invocation)
        return
    try:
        body = await exchange.read(limits.BUFFERED_RESPONSE)
    except RequestError as error:
        if error.status == 413:
            _refuse_large(exchange, invocation)
        else:
            _refuse_truncated(exchange, invocation, error)
    except PeerGone:
        pass  # The process is ending, which is the better explanation.
    else:
        invocation.answer.begin(AnswerStart(False, content_type or "application/json"))
        invocation.answer.body.add([body])
        invocation.answer.end(Outcome.SUCCESS)
        accept(exchange)


def _is_streaming(exchange: Exchange, invocation: Invocation) -> bool:
    """Whether the runtime streams.

    Most runtimes say so. Go's does not: it sends a prelude or chunks if the caller accepts a
    stream.
    """
    request = exchange.request
    if request.header("lambda-runtime-function-response-mode") == _STREAMING:
        return True
    if not invocation.streaming:
        return False
    media_type, _, _ = (request.header("content-type") or "").partition(";")
    has_prelude = media_type.strip().lower() == INTEGRATION_TYPE
    return has_prelude or request.header("transfer-encoding") is not None


async def _stream(exchange: Exchange, invocation: Invocation) -> None:
    answer = invocation.answer
    size = 0
    try:
        while parts := await exchange.parts():
            size += sum(map(len, parts))
            if size > limits.STREAMED_RESPONSE:
                parts = _cut(parts, size - limits.STREAMED_RESPONSE)
                answer.cut = True
            await answer.body.put(parts)
    except RequestError as error:
        _refuse_truncated(exchange, invocation, error)
        return
    except PeerGone:
        answer.end(Outcome.CRASH, error_json(_TRUNCATED, "The response ended before its end."))
        return
    # A list may be in several header lines (RFC 9110 section 5.3).
    announced = set()
    for name, value in exchange.request.headers:
        if name.lower() == "trailer":
            announced |= {part.strip() for part in value.lower().split(",")}
    trailers = {name.lower(): value for name, value in exchange.request.trailers}
    trailers = {name: value for name, value in trailers.items() if name in announced}
    if "lambda-runtime-function-error-type" in trailers:
        body = trailers.get("lambda-runtime-function-error-body", "")
        answer.end(Outcome.ERROR, _trailer_body(body))
    else:
        answer.end(Outcome.SUCCESS)
    accept(exchange)


async def receive_error(exchange: Exchange, invocation: Invocation) -> None:
    """Fill the answer from a post to `error`, and reply to the post."""
    try:
        body = await exchange.read(limits.BUFFERED_RESPONSE)
    except RequestError as error:
        if error.status == 413:
            _refuse_large(exchange, invocation)
        else:
            _refuse_truncated(exchange, invocation, error)
    except PeerGone:
        pass  # As above.
    else:
        invocation.answer.fail(ErrorAnswer(error_type(exchange), body, platform=False))
        accept(exchange)


def _refuse_large(exchange: Exchange, invocation: Invocation) -> None:
    kind = "Function.ResponseSizeTooLarge"
    message = (
        "Response payload size exceeded maximum allowed payload size "
        f"({limits.BUFFERED_RESPONSE} bytes)."
    )
    answer = ErrorAnswer(kind, error_json(kind, message), platform=True)
    invocation.answer.fail(answer, Outcome.TOO_LARGE)
    refuse(exchange, 413, "RequestEntityTooLarge", message)


def _refuse_truncated(exchange: Exchange, invocation: Invocation, error: RequestError) -> None:
    answer = ErrorAnswer(_TRUNCATED, error_json(_TRUNCATED, str(error)), True)
    invocation.answer.fail(answer, Outcome.CRASH)
    refuse(exchange, 400, "TruncatedHTTPRequest", str(error))


def _cut(parts: list[bytes], excess: int) -> list[bytes]:
    """Return the data without the last `excess` bytes."""
    kept = list(parts)
    while kept and excess >= len(kept[-1]):
        excess -= len(kept.pop())
    if kept and excess:
        kept[-1] = kept[-1][:-excess]
    return kept


def _trailer_body(value: str) -> bytes:
    """Return the error's JSON from its trailer. It is base64, because a trailer has one line."""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value.encode("latin-1")
