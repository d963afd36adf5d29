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
from collections.abc import Callable
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


class Loopback:
    """The connection's socket: it answers what is sent, as a Runtime API does.

    It ends the process after so many invocations.
    """

    def __init__(self, path: str, count: int) -> None:
        payload = event(path)
        self._next = NEXT % (len(payload), payload)
        self._left = count
        self._reply = b""
        self.readable: Callable[[], None] = lambda: None

    def send(self, data: bytes) -> int:
        if data.startswith(b"GET"):
            if not self._left:
                os._exit(0)
            self._left -= 1
            self._answer(self._next)
        elif data.endswith(b"0\r\n\r\n"):
            self._answer(ACCEPTED)
        return len(data)

    def sendmsg(self, parts: Any) -> int:
        return sum(map(self.send, parts))

    def _answer(self, reply: bytes) -> None:
        self._reply = reply
        asyncio.get_running_loop().call_soon(self.readable)

    def recv_into(self, buffer: memoryview) -> int:
        size = len(self._reply)
        buffer[:size] = self._reply
        return size


def main(path: str, count: int) -> None:
    if path == "reference":
        text = event("/small").decode()
        for _ in range(count):
            json.dumps(json.loads(text))
        return

    async def open_(host: str, port: int) -> connection.Connection:
        wire: Any = Loopback(path, count)
        made = connection.Connection(asyncio.get_running_loop(), wire)
        wire.readable = made._readable
        return made

    connection.Connection.open = staticmethod(open_)  # type: ignore[method-assign]
    cycle.FAIR_SHARE = 3600.0  # what depends on a clock is not the same each time
    serve(
        {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"},
        lambda _: LambdaASGI(app, "off", response_mode="streaming"),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
