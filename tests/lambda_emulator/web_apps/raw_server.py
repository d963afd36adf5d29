"""An HTTP server that hides nothing: shows a request as it came, and sends what a test wants sent.

Run as a Web Function's command: it listens on AWS_LAMBDA_HTTP_ENDPOINT.
"""

import os
import re
import socket
import threading
from pathlib import Path

CANNED = {
    "/whole": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mixed-Case: kept\r\n\r\nwhole",
    "/chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    ),
    "/trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\none\r\n"
        b"0\r\nX-Sum: 1\r\n\r\n"
    ),
    "/connection-headers": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Private\r\n"
        b"Keep-Alive: timeout=5\r\n"
        b"X-Private: secret\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\nX-Public: yes\r\n"
        b"lambda-web-request-id: forged\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok"
    ),
    "/until-close": b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "/no-content": b"HTTP/1.1 204 No Content\r\nX-Kind: empty\r\n\r\n",
    "/not-modified": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
    "/early-hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
        b"Content-Length: 2\r\n\r\nok"
    ),
    "/encoded": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"
    ),
    "/not-http": b"SMTP? no\r\n\r\n",
    "/closes": b"",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    "/cut-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
}
CLOSES = {"/until-close", "/closes", "/cut", "/cut-chunks", "/not-http"}


def serve(connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as file:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return
            head += line
        path = head.split(b" ")[1].decode("latin-1").partition("?")[0]
        if path == "/early":  # an answer before the body was read, of which nothing is ever read
            connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
            threading.Event().wait()
        body = read_body(file, head)
        if path in SPECIAL:
            SPECIAL[path](connection, head, body)
            return
        connection.sendall(CANNED[path])
        if path not in CLOSES:
            threading.Event().wait()


def whole(connection: socket.socket, body: bytes, *, with_body: bool = True) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    if with_body:
        connection.sendall(body)


def begin(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")


def received(connection: socket.socket, head: bytes, body: bytes) -> None:
    whole(connection, head + body, with_body=not head.startswith(b"HEAD "))


def env(connection: socket.socket, head: bytes, body: bytes) -> None:
    whole(
        connection,
        "\n".join(f"{name}={value}" for name, value in sorted(os.environ.items())).encode(),
    )


def never(connection: socket.socket, head: bytes, body: bytes) -> None:
    threading.Event().wait()


def never_ends(connection: socket.socket, head: bytes, body: bytes) -> None:
    begin(connection)
    threading.Event().wait()


def never_ends_of_known_length(connection: socket.socket, head: bytes, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst")
    threading.Event().wait()


def stream(connection: socket.socket, head: bytes, body: bytes) -> None:
    begin(connection)
    Path(os.environ["DOORBELL"]).read_bytes()
    connection.sendall(b"6\r\nsecond\r\n0\r\n\r\n")


def wait_for_the_client(connection: socket.socket, head: bytes, body: bytes) -> None:
    begin(connection)
    gone = connection.recv(1) == b""
    Path(os.environ["DOORBELL"]).write_bytes(b"gone" if gone else b"more")


def leave(connection: socket.socket, head: bytes, body: bytes) -> None:
    os._exit(3)


SPECIAL = {
    "/received": received,
    "/env": env,
    "/never": never,
    "/never-ends": never_ends,
    "/never-ends-of-known-length": never_ends_of_known_length,
    "/stream": stream,
    "/wait-for-the-client": wait_for_the_client,
    "/exit": leave,
}


def read_body(file: object, head: bytes) -> bytes:
    """The body as it is on the wire: framing included."""
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while not body.endswith((b"\r\n0\r\n\r\n",)) and body != b"0\r\n\r\n":
            line = file.readline()  # type: ignore[attr-defined]
            if not line:
                break
            body += line
        return body
    found = re.search(rb"content-length: (\d+)", lower)
    return file.read(int(found[1])) if found else b""  # type: ignore[attr-defined]


def main() -> None:
    host, _, port = os.environ["AWS_LAMBDA_HTTP_ENDPOINT"].rpartition(":")
    with socket.create_server((host, int(port)), backlog=256) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
