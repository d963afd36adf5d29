"""The limit in plain Python: one blocking socket, no event loop, no app, no checks.

Not a runtime that one could use.

It parses each event and makes each prelude, because every runtime has to.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator

HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode()
HEAD = (
    b"POST /2018-06-01/runtime/invocation/%%b/response HTTP/1.1\r\nHost: %b\r\n"
    b"Content-Type: application/vnd.awslambda.http-integration-response\r\n"
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
    % HOST.encode()
)
SMALL = b'{"message":"hello from lambda","items":[1,2,3]}'
CHUNK = b"x" * 65536
READ_SIZE = 1024 * 1024


def main() -> None:
    connection = socket.create_connection((HOST, int(PORT)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        connection.sendall(NEXT)
        head, event = reply(connection)
        start = head.index(b"Request-Id: ") + 12
        request_id = head[start : head.index(b"\r\n", start)]
        answer(connection, HEAD % request_id, json.loads(event)["rawPath"])
        reply(connection)


def reply(connection: socket.socket) -> tuple[bytes, bytes]:
    data = connection.recv(65536)
    if not data:
        raise SystemExit
    head, _, body = data.partition(b"\r\n\r\n")
    start = head.index(b"Content-Length: ") + 16
    left = int(head[start:].partition(b"\r\n")[0]) - len(body)
    while left > 0:
        more = connection.recv(left)
        body += more
        left -= len(more)
    return head, body


def answer(connection: socket.socket, head: bytes, path: str) -> None:
    work, *numbers = path.strip("/").split("/")
    if work == "small":
        begin = head + opening({"content-type": "application/json", "content-length": "47"})
        connection.sendall(b"%b%x\r\n%b\r\n0\r\n\r\n" % (begin, len(SMALL), SMALL))
        return
    connection.sendall(head + opening({"content-type": "application/octet-stream"}))
    for body in BODIES[work](*map(int, numbers)):
        send(connection, b"%x\r\n" % len(body), body, b"\r\n")
    connection.sendall(b"0\r\n\r\n")


def send(connection: socket.socket, *parts: bytes) -> None:
    """One system call, unless a signal cuts it short."""
    sent = connection.sendmsg(parts)
    if sent < sum(map(len, parts)):
        connection.sendall(b"".join(parts)[sent:])


def opening(headers: dict[str, str]) -> bytes:
    prelude = json.dumps({"statusCode": 200, "headers": headers}).encode() + b"\0" * 8
    return b"%x\r\n%b\r\n" % (len(prelude), prelude)


def messages(count: int) -> Iterator[bytes]:
    return (b"data: message number %07d\n\n" % number for number in range(count))


def paced(count: int) -> Iterator[bytes]:
    for _ in range(count):
        time.sleep(0.001)
        yield b"data:%020d    \n" % time.monotonic_ns()


def chunks(count: int) -> Iterable[bytes]:
    return (CHUNK for _ in range(count))


def file() -> Iterator[bytes]:
    descriptor = os.open(os.environ["BENCHMARK_FILE"], os.O_RDONLY)
    offset = 0
    while piece := os.pread(descriptor, READ_SIZE, offset):
        offset += len(piece)
        yield piece
    os.close(descriptor)


BODIES: dict[str, Callable[..., Iterable[bytes]]] = {
    "messages": messages,
    "paced": paced,
    "chunks": chunks,
    "file": file,
}

if __name__ == "__main__":
    main()
