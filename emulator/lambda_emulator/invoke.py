"""`lambda-emulator invoke`: one invocation. The answer goes to stdout as it arrives."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lambda_emulator import limits, samconfig
from lambda_emulator.arguments import invoke_parser
from lambda_emulator.command_line import parse
from lambda_emulator.console import Console, error_text
from lambda_emulator.emulator import Emulator
from lambda_emulator.event_queue import EventQueue
from lambda_emulator.function.pool import Function, Throttled
from lambda_emulator.invocation import ErrorAnswer, Invocation

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run `lambda-emulator invoke`.

    Returns:
        The exit status.

    Raises:
        TemplateError: The template cannot be used.
        StartError: The function cannot be started.
    """
    parser = invoke_parser()
    options, given = parse(parser, words, samconfig.INVOKE)
    event = _event(parser, given)
    emulator = Emulator(options, shell=os.environ)

    async def invoke(function: Function) -> int:
        invocation = Invocation(
            event,
            streaming=True,
            client_context=given.client_context,
            tenant_id=given.tenant_id,
        )
        if given.invocation_type == "Event":
            queue = EventQueue({function.config.name: function}, emulator.console)
            queue.add(function, invocation)
            await queue.empty()
            return 0
        return await _answered(function, invocation, emulator.console)

    return asyncio.run(emulator.invoke(invoke))


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    return Path(source).read_bytes()


def _event(parser: argparse.ArgumentParser, given: argparse.Namespace) -> bytes:
    """Return the event's JSON: {} if none is given."""
    if given.no_event and given.event:
        parser.error("--no-event and --event exclude each other")
    if given.event is None:
        return b"{}"
    try:
        event = _read(given.event)
        json.loads(event)
        json.loads(given.client_context or "{}")
    except (OSError, ValueError, RecursionError) as error:
        source = "standard input" if given.event == "-" else given.event
        parser.error(f"--event {source}: {error}")
    is_asynchronous = given.invocation_type == "Event"
    limit = limits.ASYNCHRONOUS_PAYLOAD if is_asynchronous else limits.REQUEST_PAYLOAD
    if len(event) > limit:
        parser.error(f"--event has {len(event)} bytes; Lambda takes {limit} at most")
    return event


async def _answered(function: Function, invocation: Invocation, console: Console) -> int:
    """Write the answer to stdout as it arrives. Return the exit status."""
    try:
        function.submit(invocation)
    except Throttled:
        console.error(f"{function.config.name} is throttled: its reserved concurrency is 0")
        return 1
    answer = invocation.answer
    start = await answer.start
    if isinstance(start, ErrorAnswer):
        await _write([start.body])
    else:
        while items := await answer.body.get():
            await _write(items)
    await invocation.done.wait()
    if answer.error and not isinstance(start, ErrorAnswer):
        kind, message = error_text(answer.error)
        console.error(f"the answer is not whole: {kind}: {message}")
    if sys.stdout.isatty():
        print()
    return 0


async def _write(items: Sequence[bytes]) -> None:
    """On a thread of its own: stdout may be a pipe that nobody reads for a while."""
    await asyncio.to_thread(sys.stdout.buffer.write, b"".join(items))
    await asyncio.to_thread(sys.stdout.buffer.flush)
