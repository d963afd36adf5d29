"""The runtime: from start-up through invocation after invocation to the end of the execution environment.

Contract: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable

from lambda_asgi.adapter import LambdaASGI
from lambda_asgi.application import Application
from lambda_asgi.environment import Environment
from lambda_asgi.errors import ConnectionToRuntimeAPILost, LambdaASGIError, ResponseRefused
from lambda_asgi.event_sources import NON_HTTP, infer
from lambda_asgi.invocation import Invocation, LambdaContext, current_invocation
from lambda_asgi.runtime_api.client import ResponseWriter, RuntimeAPIClient
from lambda_asgi.runtime_api.protocol import FunctionError

logger = logging.getLogger("lambda_asgi")

# After SIGTERM, Lambda leaves a runtime 300 ms of the 500 ms that internal extensions have.
SHUTDOWN_TIME = 0.3

# A `next` that is refused with a 4xx is asked for again, after a pause that doubles each time: 0.1 s to 1.6 s.
REFUSED_NEXT = 5
FIRST_PAUSE = 0.1


def serve(environment: Environment, load: Callable[[], LambdaASGI]) -> int:
    """Run the environment to its end. The process's exit code: 0 when it was told to end, 1 when it had to."""
    try:
        adapter = load()  # before there is an event loop: an app's modules may want to run one of their own
    except Exception as error:
        return asyncio.run(_report_init_error(environment, error))
    return asyncio.run(Runtime(environment, adapter).run())


async def _report_init_error(environment: Environment, error: Exception) -> int:
    logger.critical("the function cannot start: %s", error, exc_info=error.__cause__ or error)
    client = RuntimeAPIClient(environment.runtime_api)
    try:
        await client.init_error(FunctionError.of(error))
    except LambdaASGIError as failure:
        logger.critical("the init error could not be reported: %s", failure)
    finally:
        client.close()
    return 1


class Runtime:
    """One execution environment."""

    def __init__(self, environment: Environment, adapter: LambdaASGI) -> None:
        self._environment = environment
        self._custom_handlers = adapter.custom_handlers
        self._application: Application = adapter.application(environment.settings)

    async def run(self) -> int:
        """The exit code of the process."""
        try:
            await self._application.startup()
        except LambdaASGIError as error:
            return await _report_init_error(self._environment, error)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        polls = [asyncio.create_task(self._poll()) for _ in range(self._environment.max_concurrency)]
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([*polls, stopped], return_when=asyncio.FIRST_COMPLETED)
        failures = [poll.exception() for poll in polls if poll.done()]
        for failure in failures:
            logger.critical("the execution environment ends: %s", failure)
        for task in (*polls, stopped):
            task.cancel()
        try:
            async with asyncio.timeout(SHUTDOWN_TIME):
                await self._application.shutdown()
        except TimeoutError:
            logger.error("the app did not shut down within %d ms", SHUTDOWN_TIME * 1000)
        return 1 if failures else 0

    async def _poll(self) -> None:
        """Take and answer invocations until the environment is over. Raises ConnectionToRuntimeAPILost then."""
        client = RuntimeAPIClient(self._environment.runtime_api)
        refused = 0
        try:
            while True:
                try:
                    invocation, writer = await client.next_invocation()
                except ResponseRefused as refusal:
                    refused += 1
                    if refused > REFUSED_NEXT:
                        raise ConnectionToRuntimeAPILost(f"no invocation after {refused} requests: {refusal}") from None
                    logger.error("no invocation: %s", refusal)
                    await asyncio.sleep(FIRST_PAUSE * 2 ** (refused - 1))
                    continue
                refused = 0
                await self._answer(invocation, writer)
        finally:
            client.close()

    async def _answer(self, invocation: Invocation, writer: ResponseWriter) -> None:
        current_invocation.set(invocation)
        if not self._environment.concurrent:
            _name_trace(invocation.trace_id)
        context = LambdaContext.of(invocation, self._environment.function)
        try:
            event = invocation.event()
            source = infer(event, self._custom_handlers)
            if source is not NON_HTTP and self._environment.streams(source.can_stream):
                cycle = await self._application.stream(source, event, context, writer, invocation.deadline)
                if writer.begun:
                    await writer.delivered()
            else:
                answer = await self._application.buffer(source, event, context, invocation.deadline)
                cycle = answer.cycle
                await writer.result(answer.encoded)
        except ResponseRefused as refusal:
            logger.error("the answer was refused: %s", refusal)
        except ConnectionToRuntimeAPILost:
            raise
        except Exception as error:  # the event is no JSON, or the app did not handle an event that is no request
            logger.error("the invocation failed: %s", error, exc_info=error)
            await self._report(writer, error)
        else:
            if cycle.error is not None:
                logger.error("%s: %s", type(cycle.error).__name__, cycle.error, exc_info=cycle.error)

    async def _report(self, writer: ResponseWriter, error: Exception) -> None:
        try:
            await writer.error(FunctionError.of(error))
        except ResponseRefused as refusal:
            logger.error("the error was refused: %s", refusal)


def _name_trace(trace_id: str | None) -> None:
    """Where the X-Ray SDK and others look for the trace. The environment is the process's: never with concurrency."""
    if trace_id is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
