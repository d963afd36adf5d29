"""A runtime that does what a recorded case says: the case that the header x-probe-case names.

It speaks the Runtime API over a raw socket, so that each write of a stream is a chunk, and needs
nothing but Python. With URLS in its environment it tells where the other functions are.
"""

import base64
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

INVOCATION = "/2018-06-01/runtime/invocation"
PAUSE = 0.2
"""Seconds between two writes of a stream: Lambda may join what comes together."""

FILE = Path(__file__).with_name("cases.json")
CASES = {case["name"]: case["runtime"] for case in json.loads(FILE.read_text("utf-8"))}


class RuntimeAPI:
    """One kept-alive connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self.host = address
        self.socket = socket.create_connection((host, int(port)))
        self.file = self.socket.makefile("rb")

    def send(self, method: str, path: str, *headers: str, body: bytes = b"") -> None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", *headers, "", ""]
        head = "\r\n".join(lines)
        self.socket.sendall(head.encode() + body)

    def reply(self) -> tuple[dict[str, str], bytes]:
        self.file.readline()
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        return headers, self.file.read(size)

    def next(self) -> tuple[str, dict[str, Any]]:
        self.send("GET", f"{INVOCATION}/next")
        headers, body = self.reply()
        request_id = headers["lambda-runtime-aws-request-id"]
        return request_id, json.loads(body)

    def post(self, path: str, body: bytes, *headers: str) -> None:
        self.send("POST", path, *headers, f"Content-Length: {len(body)}", body=body)
        self.reply()

    def stream(self, path: str, case: dict[str, Any]) -> None:
        """Send the writes of a case, then its error, if it has one."""
        names = ("Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body")
        head = [
            "Transfer-Encoding: chunked",
            "Lambda-Runtime-Function-Response-Mode: streaming",
            f"Content-Type: {case['type']}",
            f"Trailer: {', '.join(names)}",
        ]
        self.send("POST", path, *head)
        writes = [octets(write) for write in case["stream"]]
        if "prelude" in case and writes:
            prelude = json.dumps(case["prelude"]).encode()
            writes[0] = prelude + bytes(8) + writes[0]
        for number, write in enumerate(writes):
            if number:
                time.sleep(PAUSE)
            size = b"%x" % len(write)
            self.socket.sendall(b"%b\r\n%b\r\n" % (size, write))
        last = ["0"]
        if case.get("error"):
            error = base64.b64encode(b'{"errorType":"Error","errorMessage":"recorded"}').decode()
            last += [f"{names[0]}: Runtime.Error", f"{names[1]}: {error}"]
        last += ["", ""]
        self.socket.sendall("\r\n".join(last).encode())
        self.reply()


def octets(value: dict[str, str]) -> bytes:
    """Decode a case's bytes: {"text": ...} or {"b64": ...}."""
    if "text" in value:
        return value["text"].encode()
    return base64.b64decode(value["b64"])


def respond(api: RuntimeAPI, request_id: str, event: dict[str, Any]) -> None:
    path = f"{INVOCATION}/{request_id}/response"
    name = event.get("headers", {}).get("x-probe-case")
    case = CASES.get(name) or {}
    if "URLS" in os.environ:
        urls = json.loads(os.environ["URLS"])
        api.post(path, encoded({"function-urls": urls}))
    elif case.get("echo") == "implicit":
        api.post(path, encoded({"event": event}, ascii_only=False))
    elif "echo" in case:
        body = json.dumps({"event": event})
        api.post(path, encoded({"statusCode": 200, "body": body}))
    elif "result" in case:
        api.post(path, octets(case["result"]))
    elif "stream" in case:
        api.stream(path, case)
    elif "error" in case:
        path = f"{INVOCATION}/{request_id}/error"
        kind = "Lambda-Runtime-Function-Error-Type: Unhandled"
        api.post(path, octets(case["error"]), kind)
    else:
        message = {"unexpected": f"the function ran in the case {name!r}"}
        api.post(path, encoded(message))


def encoded(value: object, *, ascii_only: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()


def main() -> None:
    api = RuntimeAPI(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        respond(api, *api.next())


if __name__ == "__main__":
    main()
