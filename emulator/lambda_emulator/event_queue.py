"""The queue of asynchronous invocations: retries, the age of events, destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

AWS waits for minutes between retries. The emulator waits for seconds, and the log says so. The age
of an event counts the minutes.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from lambda_emulator import limits
from lambda_emulator.console import Console, error_text
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.invocation import ErrorAnswer, Invocation, Outcome
from lambda_emulator.template.event_invoke import Destination

__all__ = ["EventQueue"]

_UNHANDLED: Final = "Unhandled"


@dataclass(slots=True)
class _Event:
    """One event in the queue. `attempts` are those that reached the function."""

    invocation: Invocation
    age: float = 0.0
    """Seconds, as they would have passed on AWS."""
    attempts: int = 0
    throttles: int = 0
    result: bytes = b"null"
    failed: bool = False


class EventQueue:
    """Invokes functions after their callers got a response. `functions` may be destinations."""

    def __init__(self, functions: Mapping[str, Function], console: Console) -> None:
        self.functions = functions
        self.console = console
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, function: Function, invocation: Invocation) -> None:
        """Returns at once."""
        task = asyncio.create_task(self._work(function, _Event(invocation)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def empty(self) -> None:
        """Waits until every event has been handled, and those that destinations made of them."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, function: Function, event: _Event) -> None:
        """Until the event is done: a success, no attempt left, or too old."""
        config = function.config.event_invoke
        while True:
            if event.age > config.maximum_age:
                self._end(function, event, "EventAgeExceeded")
                return
            started = asyncio.get_running_loop().time()
            try:
                await self._attempt(function, event)
            except Throttled:
                await self._wait_throttled(event)
                continue
            event.age += asyncio.get_running_loop().time() - started
            if not event.failed:
                self._end(function, event, "Success")
                return
            if event.attempts > config.maximum_retries:
                self._end(function, event, "RetriesExhausted")
                return
            await self._wait_failed(function, event)

    async def _attempt(self, function: Function, event: _Event) -> None:
        """Raises Throttled."""
        first = event.invocation
        invocation = Invocation(
            first.event,
            first.request_id,
            first.trace_root,
            client_context=first.client_context,
            tenant_id=first.tenant_id,
        )
        function.submit(invocation)
        event.attempts += 1
        answer = invocation.answer
        start = await answer.start
        if isinstance(start, ErrorAnswer):
            event.result = start.body
        else:
            event.result = await answer.body.read(limits.BUFFERED_RESPONSE) or b"null"
        await invocation.done.wait()
        event.failed = answer.outcome is not Outcome.SUCCESS

    async def _wait_failed(self, function: Function, event: _Event) -> None:
        seconds = limits.ASYNCHRONOUS_RETRY_SECONDS[event.attempts - 1]
        kind, message = error_text(event.result)
        attempts = function.config.event_invoke.maximum_retries + 1
        here = seconds * limits.ASYNCHRONOUS_RETRY_SCALE
        self._tell(
            event,
            f"attempt {event.attempts} of {attempts} failed ({kind}: {message}); "
            f"the next one is in {here:g} s (on AWS: {seconds:g} s)",
        )
        event.age += seconds
        await asyncio.sleep(here)

    async def _wait_throttled(self, event: _Event) -> None:
        """From one second to five minutes, twice as long each time. Documented."""
        seconds = min(2.0**event.throttles, limits.ASYNCHRONOUS_BACKOFF_SECONDS)
        event.throttles += 1
        event.age += seconds
        self._tell(event, f"throttled; the next attempt is in {seconds:g} s")
        await asyncio.sleep(seconds)

    # ---- the end

    def _end(self, function: Function, event: _Event, condition: str) -> None:
        config = function.config.event_invoke
        is_success = condition == "Success"
        destination = config.on_success if is_success else config.on_failure
        if not is_success:
            kept = "" if destination or config.dead_letters else "; the event is lost"
            self._tell(event, f"given up: {condition} after {event.attempts} attempts{kept}")
        if destination is not None:
            record = _record(function, event, condition)
            self._tell(event, f"{destination}: {json.dumps(record, ensure_ascii=False)}", record)
            self._deliver(destination, record)
        if config.dead_letters and not is_success:
            self._tell(event, f"dead-letter queue {config.dead_letters}: the event as it was sent")

    def _deliver(self, destination: Destination, record: Mapping[str, Any]) -> None:
        """To a function that is served here; others only show in the log."""
        function = self.functions.get(destination.function_name)
        if function is not None:
            self.add(function, Invocation(json.dumps(record).encode()))

    def _tell(self, event: _Event, message: str, record: Mapping[str, Any] | None = None) -> None:
        self.console.asynchronous(event.invocation.request_id, message, record)


def _record(function: Function, event: _Event, condition: str) -> dict[str, Any]:
    """Return what a destination gets. Documented: "Adding a destination", invocation record."""
    invocation = event.invocation
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if event.failed:
        response["functionError"] = _UNHANDLED
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{function.config.qualified_arn('$LATEST')}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": json.loads(invocation.event),
    }
    if event.attempts:
        record |= {"responseContext": response, "responsePayload": _json(event.result)}
    return record


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
