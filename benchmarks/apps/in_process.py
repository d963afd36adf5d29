"""The runtime on a transport within its own process, for benchmarks/check.py.

Each run executes the same instructions.

    python -m benchmarks.apps.in_process PATH COUNT     # COUNT invocations, then the end
    python -m benchmarks.apps.in_process reference COUNT

The reference is an event parsed and written again, by which the other counts are divided:
builds of Python differ.
"""

import asyncio
import json
import os
import sys
from typing import Any

from benchmarks.apps.bare import app
from benchmarks.peer import event
from benchmarks.runtime_api import ACCEPTED
from lambda_asgi import LambdaASGI
from lambda_asgi import _cycle as cycle
from lambda_asgi._runtime import serve
from lambda_asgi._runtime_api import connection

NEXT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-000000000001\r\n"
    b"Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:bench\r\n"
    b"Lambda-Runtime-Trace-Id: "
    b"Root=1-6a1c52d0-000000000000000000000001;Parent=0000000000000001;Sampled=0\r\n"
    b"Content-Length: %d\r\n\r\n%b"
)


class Loopback(asyncio.Transport):
    """Answers what is written as a Runtime API does; ends the process after so many invocations."""

    def __init__(self, protocol: asyncio.BufferedProtocol, path: str, count: int) -> None:
        super().__init__()
        self._protocol = protocol
        payload = event(path)
        self._next = NEXT % (len(payload), payload)
        self._left = count

    def write(self, data: Any) -> None:
        if data.startswith(b"GET"):
            if not self._left:
                os._exit(0)
            self._left -= 1
            self._answer(self._next)
        elif data.endswith(b"0\r\n\r\n"):
            self._answer(ACCEPTED)

    def send(self, data: Any) -> int:
        """As the connection's own socket, which takes everything."""
        self.write(data)
        return len(data)

    def sendmsg(self, parts: Any) -> int:
        return sum(map(self.send, parts))

    def _answer(self, reply: bytes) -> None:
        def arrive() -> None:
            buffer = self._protocol.get_buffer(-1)
            memoryview(buffer)[: len(reply)] = reply  # it is writable
            self._protocol.buffer_updated(len(reply))

        asyncio.get_running_loop().call_soon(arrive)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None: ...


def main(path: str, count: int) -> None:
    if path == "reference":
        text = event("/small").decode()
        for _ in range(count):
            json.dumps(json.loads(text))
        return

    async def open_(host: str, port: int) -> connection.Connection:
        made = connection.Connection(asyncio.get_running_loop())
        wire: Any = Loopback(made, path, count)
        made.connection_made(wire)
        made._socket = wire
        return made

    connection.Connection.open = staticmethod(open_)  # type: ignore[method-assign]
    cycle.FAIR_SHARE = 3600.0  # what depends on a clock is not the same each time
    serve(
        {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"},
        lambda _: LambdaASGI(app, "off", response_mode="streaming"),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
