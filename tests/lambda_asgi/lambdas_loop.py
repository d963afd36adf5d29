"""Handler mode in the test's own process: Lambda's own loop, awslambdaric, in a thread.

Its runtime client and its handling of an event are the real ones. Two parts are ours: the lines of
`bootstrap.run`, because those take over the process's logging and exit; and the native client,
because that holds the interpreter's lock while it posts, so that a Runtime API in the same process
could never answer. test_handler_mode_matrix.py uses both real parts.
"""

import asyncio
import asyncio.events
import http.client
import logging
import os
import select
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import awslambdaric.bootstrap as bootstrap  # type: ignore[import-untyped]
import awslambdaric.lambda_runtime_client as lambda_runtime_client  # type: ignore[import-untyped]

from lambda_asgi import LambdaASGI
from lambda_asgi._environment import Settings
from tests.lambda_asgi.forward_loop import ForwardLoop
from tests.lambda_asgi.runtime_api_server import RuntimeAPIServer


class NativeClient:
    """What awslambdaric calls `runtime_client`: its three functions, as those of 4.2 behave."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def next(self) -> tuple[bytes, dict[str, Any]]:
        status, headers, body = self._exchange(
            "GET", "/2018-06-01/runtime/invocation/next", None, {}
        )
        if status != 200:
            raise RuntimeError("Failed to get next")
        deadline = headers["Lambda-Runtime-Deadline-Ms"]
        known = {name: headers[name] for name in TOLD if name in headers}
        return body, known | {
            "Lambda-Runtime-Deadline-Ms": int(deadline) if deadline.isdigit() else 0
        }

    def post_invocation_result(
        self, request_id: str, result: bytes, content_type: str, invocation_id: str | None = None
    ) -> None:
        self._post(f"{request_id}/response", result, {"Content-Type": content_type}, invocation_id)

    def post_error(
        self, request_id: str, error: str, xray_cause: str, invocation_id: str | None = None
    ) -> None:
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": "Unhandled",
        }
        self._post(f"{request_id}/error", error.encode(), headers, invocation_id)

    def _post(
        self, path: str, body: bytes, headers: dict[str, str], invocation_id: str | None
    ) -> None:
        if invocation_id is not None:
            headers["Lambda-Runtime-Invocation-Id"] = invocation_id
        status, _, _ = self._exchange(
            "POST", f"/2018-06-01/runtime/invocation/{path}", body, headers
        )
        if not 200 <= status < 300:
            raise RuntimeError("Failed to post")

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        if (
            self._connection.sock is not None
            and select.select([self._connection.sock], [], [], 0)[0]
        ):
            self._connection.close()  # as curl does with one that the other end has closed
        try:
            self._connection.request(method, path, body, headers)
            reply = self._connection.getresponse()
            return reply.status, reply.headers, reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise RuntimeError("No Response from endpoint") from error

    def close(self) -> None:
        self._connection.close()


TOLD = (
    "Content-Type",
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Aws-Tenant-Id",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Invocation-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Trace-Id",
)


class SetUpLambdaASGI(LambdaASGI):
    """A LambdaASGI that gets its settings from the test, not from the environment."""

    settings = Settings()

    def application(self, settings: Settings) -> Any:
        return super().application(self.settings)


LOGGER = logging.getLogger("awslambdaric")
LOGGER.setLevel(logging.INFO)


class LogSink:
    """The place where awslambdaric logs an error of the handler."""

    def log_error(self, lines: list[str]) -> None:
        LOGGER.info("%s", lines[0])


class LoopThread(threading.Thread):
    """Serves one handler until the Runtime API ends, or the process would have to exit."""

    def __init__(self, adapter: LambdaASGI, handler: Any, address: str) -> None:
        super().__init__(name="Lambda's loop")
        self.exit_code: int | None = None
        self.over = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._adapter = adapter
        self._handler = handler
        self._client = lambda_runtime_client.LambdaRuntimeClient(address)

    def run(self) -> None:
        try:
            while True:
                self._serve_one()
        except SystemExit as exit_:
            self.exit_code = int(exit_.code or 0)
        except Exception as error:  # as an uncaught one ends the process
            LOGGER.info("the loop ends", exc_info=error)
            self.exit_code = 1
        finally:
            handler = self._adapter._handler
            assert handler is not None
            handler.close()
            self._loop.call_soon_threadsafe(self.over.set_result, None)

    def _serve_one(self) -> None:
        client: Any = self._client
        altered = getattr(client, "next_invocation", None)
        request = altered() if altered is not None else client.wait_next_invocation()
        bootstrap.handle_event_request(
            self._client,
            self._handler,
            request.invoke_id,
            request.event_body,
            request.content_type,
            request.client_context,
            request.cognito_identity,
            request.invoked_function_arn,
            request.deadline_time_in_ms,
            request.tenant_id,
            LogSink(),
            request.invocation_id,
        )


CLIENTS: list[Any] = [
    client
    for client in vars(lambda_runtime_client).values()
    if isinstance(client, type) and "wait_next_invocation" in vars(client)
]


@asynccontextmanager
async def lambdas_loop(
    adapter: LambdaASGI,
    settings: Settings,
    api: RuntimeAPIServer,
    handler: Any = None,
    *,
    altered: bool = False,
) -> AsyncIterator[LoopThread]:
    """`adapter`, or a `handler` around it, under Lambda's own loop: as it is, or `altered`."""
    with lambda_in_process(api.address):
        if altered:
            for client in CLIENTS:
                client.next_invocation = client.wait_next_invocation
                del client.wait_next_invocation
        mine = SetUpLambdaASGI.__new__(SetUpLambdaASGI)
        mine.__dict__ |= adapter.__dict__
        mine.settings = settings
        await asyncio.to_thread(mine._made_handler)  # no loop runs where a function is imported
        thread = LoopThread(mine, handler(mine) if handler is not None else mine, api.address)
        thread.start()
        try:
            yield thread
        finally:
            await api.stop()
            await thread.over
            thread.join()


@contextmanager
def lambda_in_process(address: str) -> Iterator[None]:
    """The process as it is under Lambda's own loop, for a Runtime API at `address`."""
    module: Any = lambda_runtime_client
    native = module.runtime_client
    waits = [client.wait_next_invocation for client in CLIENTS]
    log_error = bootstrap.log_error
    new_event_loop = asyncio.events.new_event_loop
    os.environ["AWS_LAMBDA_RUNTIME_API"] = address
    asyncio.events.new_event_loop = ForwardLoop
    client = module.runtime_client = NativeClient(address)
    try:
        yield
    finally:
        client.close()
        asyncio.events.new_event_loop = new_event_loop
        del os.environ["AWS_LAMBDA_RUNTIME_API"]
        module.runtime_client = native
        bootstrap.log_error = log_error
        for client_class, wait in zip(CLIENTS, waits, strict=True):
            client_class.wait_next_invocation = wait
            if hasattr(client_class, "next_invocation"):
                del client_class.next_invocation
