"""A runtime for tests: speaks the Runtime API over a raw socket.

It uses nothing of the emulator or of lambda_asgi.

What it answers is chosen by the request's path (`/mode`) and its query.
Each mode is a function below.
"""

import base64
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qs

HOST, _, PORT = os.environ.get("AWS_LAMBDA_RUNTIME_API", "").partition(":")
STREAMING = ["Lambda-Runtime-Function-Response-Mode: streaming", "Transfer-Encoding: chunked"]
INTEGRATION = "Content-Type: application/vnd.awslambda.http-integration-response"
TRAILER = "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"


class API:
    """One kept-alive connection to the Runtime API."""

    def __init__(self) -> None:
        self.socket = socket.create_connection((HOST, int(PORT)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def call(
        self, method: str, path: str, body: bytes = b"", *headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {HOST}:{PORT}",
            f"Content-Length: {len(body)}",
            *headers,
            "",
            "",
        ]
        self.socket.sendall("\r\n".join(lines).encode() + body)
        return self.answer()

    def open_stream(self, request_id: str, *headers: str) -> None:
        path = f"/2018-06-01/runtime/invocation/{request_id}/response"
        lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}:{PORT}", *STREAMING, *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def chunk(self, data: bytes) -> None:
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self, *trailers: str) -> tuple[int, dict[str, str], bytes]:
        self.socket.sendall("\r\n".join(["0", *trailers, "", ""]).encode())
        return self.answer()


class Invocation:
    """What a mode gets: the event, its query, and the ways to answer."""

    def __init__(self, api: API, headers: dict[str, str], body: bytes) -> None:
        self.api = api
        self.headers = headers
        self.request_id = headers["lambda-runtime-aws-request-id"]
        self.event = json.loads(body)
        fields = self.event if isinstance(self.event, dict) else {}
        self.path = fields.get("rawPath") or fields.get("path") or "/"
        raw = {key: values[0] for key, values in parse_qs(fields.get("rawQueryString", "")).items()}
        self.query = raw or fields.get("queryStringParameters") or {}

    def number(self, name: str, default: int) -> int:
        return int(self.query.get(name, default))

    def respond(self, result: bytes, *headers: str) -> tuple[int, dict[str, str], bytes]:
        path = f"/2018-06-01/runtime/invocation/{self.request_id}/response"
        return self.api.call(
            "POST", path, result, *(headers or ("Content-Type: application/json",))
        )

    def error(self, kind: str, message: str) -> None:
        body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
        path = f"/2018-06-01/runtime/invocation/{self.request_id}/error"
        self.api.call("POST", path, body, f"Lambda-Runtime-Function-Error-Type: {kind}")

    def prelude(
        self,
        status: int = 200,
        headers: dict[str, str] | None = None,
        cookies: list[str] | None = None,
    ) -> bytes:
        data = {
            "statusCode": status,
            "headers": headers or {"content-type": "text/plain"},
            "cookies": cookies or [],
        }
        return json.dumps(data).encode() + bytes(8)


def echo(invocation: Invocation) -> None:
    """The event and the runtime's own view, as JSON."""
    environment = {
        k: v
        for k, v in os.environ.items()
        if k.startswith(("AWS_", "LAMBDA_", "_", "TZ", "LANG", "PROBE"))
    }
    result = {
        "event": invocation.event,
        "headers": invocation.headers,
        "environment": environment,
        "pid": os.getpid(),
        "cwd": os.getcwd(),
    }
    invocation.respond(json.dumps(result).encode())


def result(invocation: Invocation) -> None:
    """Any result, given in the query as base64."""
    invocation.respond(base64.b64decode(invocation.query["b64"]))


def stream(invocation: Invocation) -> None:
    """Send a prelude (unless `plain`) and `count` chunks: `size` bytes, one letter repeated."""
    api = invocation.api
    if "plain" in invocation.query:
        api.open_stream(invocation.request_id, "Content-Type: text/plain")
    else:
        api.open_stream(invocation.request_id, INTEGRATION)
        api.chunk(invocation.prelude(invocation.number("status", 200)))
    for index in range(invocation.number("count", 3)):
        api.chunk(bytes([97 + index % 26]) * invocation.number("size", 10))
        if progress := invocation.query.get("progress"):
            with open(progress, "ab") as file:
                file.write(b".")
    api.end_stream()


def gated(invocation: Invocation) -> None:
    """Send chunk by chunk. The test creates a file for each chunk when it has the one before."""
    api = invocation.api
    api.open_stream(invocation.request_id, INTEGRATION)
    for index in range(invocation.number("count", 3)):
        api.chunk((invocation.prelude() if index == 0 else b"") + f"chunk {index}\n".encode())
        gate = f"{invocation.query['gate']}.{index}"
        while not os.path.exists(gate):
            time.sleep(0.002)
    api.end_stream()


def throw(invocation: Invocation) -> None:
    invocation.error("Function.Thrown", "thrown on purpose")


def trailers(invocation: Invocation) -> None:
    """An error behind the first byte, in announced trailers."""
    api = invocation.api
    body = base64.b64encode(
        json.dumps({"errorType": "Late", "errorMessage": "behind the first byte"}).encode()
    ).decode()
    api.open_stream(invocation.request_id, INTEGRATION, TRAILER)
    api.chunk(invocation.prelude(206) + b"so far")
    status, _, _ = api.end_stream(
        "Lambda-Runtime-Function-Error-Type: Function.Late",
        f"Lambda-Runtime-Function-Error-Body: {body}",
    )
    assert status == 202


def empty(invocation: Invocation) -> None:
    """A stream without a byte."""
    invocation.api.open_stream(invocation.request_id, INTEGRATION)
    invocation.api.end_stream()


def prelude_only(invocation: Invocation) -> None:
    invocation.api.open_stream(invocation.request_id, INTEGRATION)
    invocation.api.chunk(invocation.prelude(invocation.number("status", 200)))
    invocation.api.end_stream()


def raw(invocation: Invocation) -> None:
    """Chunks (base64, comma separated) under a content type of choice."""
    api = invocation.api
    content_type = f"Content-Type: {invocation.query.get('type', 'application/octet-stream')}"
    api.open_stream(invocation.request_id, content_type, TRAILER)
    for chunk in filter(None, invocation.query.get("b64", "").replace(" ", "+").split(",")):
        api.chunk(base64.b64decode(chunk))
    if invocation.query.get("then") == "sleep":
        time.sleep(3600)
    late = [
        "Lambda-Runtime-Function-Error-Type: Runtime.Late",
        "Lambda-Runtime-Function-Error-Body: e30=",
    ]
    status, _, _ = api.end_stream(*(late if "trailers" in invocation.query else []))
    assert status == 202


def large(invocation: Invocation) -> None:
    """A buffered answer of `size` bytes; the API's status goes to the log."""
    status, _, body = invocation.respond(b'"' + b"x" * (invocation.number("size", 0) - 2) + b'"')
    print(f"answered {status}: {body.decode().strip()}", flush=True)


def sleep(invocation: Invocation) -> None:
    """Never answers: runs into the function's timeout."""
    time.sleep(3600)


def sleep_mid_stream(invocation: Invocation) -> None:
    invocation.api.open_stream(invocation.request_id, INTEGRATION)
    invocation.api.chunk(invocation.prelude(206) + b"so far")
    time.sleep(3600)


def crash(invocation: Invocation) -> None:
    print("about to crash", flush=True)
    os._exit(3)


def crash_mid_stream(invocation: Invocation) -> None:
    invocation.api.open_stream(invocation.request_id, INTEGRATION)
    invocation.api.chunk(invocation.prelude(206) + b"so far")
    os._exit(4)


def break_off(invocation: Invocation) -> None:
    """Closes its connection in the middle of an answer, and goes on with a new one."""
    api = invocation.api
    if "stream" in invocation.query:
        api.open_stream(invocation.request_id, INTEGRATION)
        api.chunk(invocation.prelude(206) + b"so far")
    else:
        path = f"/2018-06-01/runtime/invocation/{invocation.request_id}/response"
        api.socket.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf".encode()
        )
    api.file.close()
    api.socket.close()
    api.__init__()  # type: ignore[misc]  # the same object, connected anew


def go_stream(invocation: Invocation) -> None:
    """As aws-lambda-go streams: chunks and the prelude's content type, but no response mode."""
    api = invocation.api
    path = f"/2018-06-01/runtime/invocation/{invocation.request_id}/response"
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}:{PORT}",
        "Transfer-Encoding: chunked",
        INTEGRATION,
        TRAILER,
    ]
    api.socket.sendall("\r\n".join([*lines, "", ""]).encode())
    api.chunk(invocation.prelude(201, {"content-type": "text/plain", "x-from": "go"}))
    gated_chunks(invocation)
    api.end_stream()


def gated_chunks(invocation: Invocation) -> None:
    for index in range(invocation.number("count", 3)):
        invocation.api.chunk(f"chunk {index}\n".encode())
        gate = f"{invocation.query['gate']}.{index}"
        while not os.path.exists(gate):
            time.sleep(0.002)


def two_trailer_lines(invocation: Invocation) -> None:
    """As AWS's Node client announces its trailers: each in a line of its own."""
    api = invocation.api
    names = ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"]
    api.open_stream(invocation.request_id, INTEGRATION, *(f"Trailer: {name}" for name in names))
    api.chunk(invocation.prelude(206) + b"so far")
    body = base64.b64encode(b'{"errorType": "Late", "errorMessage": "told in the second"}').decode()
    api.end_stream(f"{names[0]}: Runtime.Late", f"{names[1]}: {body}")


def answer_and_exit(invocation: Invocation) -> None:
    invocation.respond(b'"answered"')
    os._exit(5)


def large_error(invocation: Invocation) -> None:
    """An error of `size` bytes; the API's status goes to the log."""
    path = f"/2018-06-01/runtime/invocation/{invocation.request_id}/error"
    body = b'{"errorMessage": "' + b"x" * invocation.number("size", 0) + b'"}'
    status, _, _ = invocation.api.call("POST", path, body)
    print(f"error {status}", flush=True)


def babble(invocation: Invocation) -> None:
    """Never stops writing, as `yes` does."""
    line = b"y\n" * 4096
    while True:
        os.write(1, line)


def traceback(invocation: Invocation) -> None:
    """As Lambda's own runtimes log a traceback: a carriage return between its lines."""
    print(
        "[ERROR] ZeroDivisionError\rTraceback (most recent call last):\r  return 1 / x", flush=True
    )
    invocation.respond(b'"logged"')


def unfinished_line(invocation: Invocation) -> None:
    sys.stdout.write(f"no end of line {invocation.query['n']}")
    sys.stdout.flush()
    invocation.respond(b'"written"')


def log(invocation: Invocation) -> None:
    print("a line on stdout")
    print("ERROR a line on stderr", file=sys.stderr)
    sys.stdout.flush()
    invocation.respond(b'"logged"')


def events(invocation: Invocation) -> None:
    """As `gated`, but Server-Sent Events."""
    api = invocation.api
    api.open_stream(invocation.request_id, INTEGRATION)
    for index in range(invocation.number("count", 3)):
        head = (
            invocation.prelude(headers={"content-type": "text/event-stream"}) if index == 0 else b""
        )
        api.chunk(head + f"data: event {index}\n\n".encode())
        gate = f"{invocation.query['gate']}.{index}"
        while not os.path.exists(gate):
            time.sleep(0.002)
    api.end_stream()


def touch(invocation: Invocation) -> None:
    """Makes a file of the request's body."""
    body = invocation.event.get("body", "")
    with open(invocation.query["path"] + ".part", "w", encoding="utf-8") as file:
        file.write(body)
    os.replace(invocation.query["path"] + ".part", invocation.query["path"])
    invocation.respond(b'"made"')


def page(invocation: Invocation) -> None:
    """A page whose script reads a stream and events, and opens a gate after each piece."""
    html = """<!doctype html><title>probe</title><script>
    const gate = new URLSearchParams(location.search).get("gate"), seen = {fetch: [], events: []};
    const open = (name) => fetch(`/touch?path=${gate}-${name}`, {method: "POST"});
    const finish = () => fetch(`/touch?path=${gate}.done`, {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(seen)});
    async function run() {
      const reader = (await fetch(`/gated?count=3&gate=${gate}-fetch`)).body.getReader();
      for (let i = 0; ; i++) {
        const {value, done} = await reader.read();
        if (done) break;
        seen.fetch.push(new TextDecoder().decode(value));
        await open(`fetch.${i}`);
      }
      const source = new EventSource(`/events?count=3&gate=${gate}-events`);
      source.onmessage = (event) => open(`events.${seen.events.push(event.data) - 1}`);
      source.onerror = () => { source.close(); finish(); };
    }
    run();
    </script>"""
    invocation.api.open_stream(invocation.request_id, INTEGRATION)
    invocation.api.chunk(invocation.prelude(headers={"content-type": "text/html"}) + html.encode())
    invocation.api.end_stream()


def replay(invocation: Invocation) -> None:
    """Respond as the file in REPLAY says (a case's `runtime`), and write the event beside it."""
    with open(os.environ["REPLAY"], encoding="utf-8") as file:
        case = json.load(file)
    with open(os.environ["REPLAY"] + ".event", "w", encoding="utf-8") as file:
        json.dump(invocation.event, file)
    if echo := case.get("echo"):
        value = {"event": invocation.event}
        answer = value if echo == "implicit" else {"statusCode": 200, "body": json.dumps(value)}
        invocation.respond(json.dumps(answer, ensure_ascii=False).encode())
    elif "result" in case:
        invocation.respond(octets(case["result"]))
    elif "stream" in case:
        writes = [octets(write) for write in case["stream"]]
        if "prelude" in case and writes:
            writes[0] = json.dumps(case["prelude"]).encode() + bytes(8) + writes[0]
        invocation.api.open_stream(invocation.request_id, f"Content-Type: {case['type']}", TRAILER)
        for write in writes:
            invocation.api.chunk(write)
        error = base64.b64encode(b'{"errorType":"Error","errorMessage":"recorded"}').decode()
        trailers = [
            "Lambda-Runtime-Function-Error-Type: Runtime.Error",
            f"Lambda-Runtime-Function-Error-Body: {error}",
        ]
        invocation.api.end_stream(*(trailers if case.get("error") else []))
    else:
        path = f"/2018-06-01/runtime/invocation/{invocation.request_id}/error"
        invocation.api.call(
            "POST", path, octets(case["error"]), "Lambda-Runtime-Function-Error-Type: Unhandled"
        )


def octets(value: dict[str, str]) -> bytes:
    """A case's bytes: {"text": ...} or {"b64": ...}."""
    return value["text"].encode() if "text" in value else base64.b64decode(value["b64"])


MODES: dict[str, Callable[[Invocation], None]] = {
    f.__name__: f
    for f in (
        echo,
        result,
        large,
        stream,
        gated,
        throw,
        trailers,
        empty,
        prelude_only,
        raw,
        sleep,
        sleep_mid_stream,
        crash,
        crash_mid_stream,
        break_off,
        log,
        events,
        touch,
        page,
        go_stream,
        two_trailer_lines,
        answer_and_exit,
        large_error,
        babble,
        traceback,
        unfinished_line,
    )
}


def main() -> None:
    if (failure := os.environ.get("INIT")) == "exit":
        sys.exit("no start today")
    elif failure == "error":
        body = b'{"errorType":"ImportError","errorMessage":"No module named \'nothing\'"}'
        API().call(
            "POST",
            "/2018-06-01/runtime/init/error",
            body,
            "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError",
        )
        sys.exit(1)
    elif failure == "hang" or (failure == "once" and not os.path.exists(os.environ["FAILED"])):
        time.sleep(3600)
    api = API()
    while True:
        status, headers, body = api.call("GET", "/2018-06-01/runtime/invocation/next")
        if status != 200:
            sys.exit(f"next: {status} {body!r}")
        invocation = Invocation(api, headers, body)
        (replay if "REPLAY" in os.environ else MODES.get(invocation.path.strip("/"), echo))(
            invocation
        )


if __name__ == "__main__":
    main()
