"""A running emulator for tests: a real process on a free port, asked over real sockets."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.patience import PATIENCE

RUNTIMES = Path(__file__).with_name("runtimes")
SCRIPTED = RUNTIMES / "scripted.py"


def environment(**extra: str) -> dict[str, str]:
    """The shell's environment without AWS variables: what a test's emulator starts with."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_")
    } | extra


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium(profile: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Chromium without a window that shows `url`. It ends with the `with` block."""
    assert CHROMIUM is not None, "the test is skipped without it"
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-proxy-server",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        url,
    ]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as browser:
        try:
            yield browser
        finally:
            browser.terminate()


KEYS = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "local")


def asked(command: str, url: str, *options: str) -> tuple[int, dict[str, Any], str]:
    """Run `lambda-emulator COMMAND --url URL`: its exit status, its JSON, and what it showed."""
    done = subprocess.run(
        [sys.executable, "-m", "lambda_emulator", command, "--url", url, "--json", "-", *options],
        env=environment(**KEYS),
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def environments(emulator: int) -> list[int]:
    """The processes of an emulator's functions.

    Its keeper, which ends them when it dies, is none of them.
    """
    children = Path(f"/proc/{emulator}/task/{emulator}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"keeper.py" not in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def write_template(folder: Path, **properties: Any) -> Path:
    """A template with one function, the scripted runtime.

    The text is JSON, which is YAML. The URL streams unless `properties` say otherwise.
    """
    function: dict[str, Any] = {
        "Handler": "scripted.main",
        "Runtime": "provided.al2023",
        "CodeUri": str(RUNTIMES),
        "FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"},
        **properties,
    }
    path = folder / "template.yaml"
    path.write_text(
        json.dumps(
            {"Resources": {"Probe": {"Type": "AWS::Serverless::Function", "Properties": function}}}
        )
    )
    return path


class RunningEmulator:
    """`lambda-emulator` as a subprocess; leaves with the `with` block.

    Events (--json) are read as they come.
    """

    def __init__(
        self,
        *options: str,
        command: Sequence[str] = (sys.executable, str(SCRIPTED)),
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
        fronts: int = 1,
    ) -> None:
        arguments = [sys.executable, "-m", "lambda_emulator", "--port", "0", "--json", *options]
        self._arguments = [*arguments, "--", *command] if command else arguments
        self._cwd = cwd
        self._environment = environment(**(variables or {}))
        self._fronts = fronts
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.events: list[dict[str, Any]] = []
        self.ports: list[int] = []
        self.lines: list[str] = []
        self._reader_done = threading.Event()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._arguments,
            cwd=self._cwd,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read_events, daemon=True).start()
        assert self.process.stdout is not None
        for _ in range(self._fronts):
            line = self.process.stdout.readline().strip()
            if not line.startswith(("Listening on http://", "Listening on https://")):
                self.stop(signal.SIGKILL)
                raise AssertionError(f"not ready: {line!r}; events: {self.drain()}")
            self.lines.append(line)
            self.ports.append(int(line.split()[2].rpartition(":")[2].strip("/")))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
        self._reader_done.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def _read_events(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"event": "text", "message": line.rstrip("\n")}
                self._events.put(event)
        self._reader_done.set()

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        """The first event of that kind with those fields, past or future."""
        for seen in self.events:
            if seen["event"] == event and fields.items() <= seen.items():
                return seen
        while True:
            try:
                seen = self._events.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no {event} {fields}; there were: {self.events}") from None
            self.events.append(seen)
            if seen["event"] == event and fields.items() <= seen.items():
                return seen

    def drain(self) -> list[dict[str, Any]]:
        """All events so far. Until the emulator has stopped, the latest may be missing."""
        while not self._events.empty():
            self.events.append(self._events.get())
        return self.events

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, port: int | None = None) -> "Client":
        return Client(port or self.port)

    def get(self, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> "Response":
        """One request on a connection of its own."""
        with self.connect() as client:
            client.request(method, target, *headers, body=body)
            return client.response(method)


@dataclass
class Response:
    """What came over the wire, nothing normalised."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    head_size: int
    rest: bytes = b""
    """The body, or with chunks what came behind the last whole one."""
    chunks: list[bytes] = field(default_factory=list)
    terminated: bool = True
    """The body came to its announced end."""
    trailers: list[str] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks) + self.rest

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A raw HTTP/1.1 client: shows each chunk as it comes, sends whatever bytes it is given."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, target: str, *headers: str, body: bytes = b"") -> None:
        lines = [f"{method} {target} HTTP/1.1"]
        if not any(line.lower().startswith("host:") for line in headers):
            lines.append("Host: localhost")
        lines += headers
        if body and not any(
            line.lower().startswith(("content-length:", "transfer-encoding:")) for line in headers
        ):
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def head(self) -> Response:
        """Status line and headers only."""
        first = self.file.readline()
        if not first:
            raise EOFError("closed before a response")
        _, status, reason = first.decode("latin-1").rstrip("\r\n").split(" ", 2)
        size = len(first)
        headers: list[tuple[str, str]] = []
        while True:
            line = self.file.readline()
            size += len(line)
            text = line.decode("utf-8").rstrip("\r\n")
            if not text:
                return Response(int(status), reason, headers, size)
            name, _, value = text.partition(": ")
            headers.append((name, value))

    def chunks(self, response: Response) -> Iterator[bytes]:
        """The chunks of a chunked body as they arrive; `response.terminated` tells how it ended."""
        response.terminated = False
        while True:
            size_line = self.file.readline()
            if not size_line:
                return
            size = int(size_line, 16)
            assert size_line == b"%x\r\n" % size, "lower-case hex without padding"
            if size == 0:
                while line := self.file.readline().strip():
                    response.trailers.append(line.decode())
                response.terminated = True
                return
            data = self.file.read(size)
            if len(data) < size:
                response.rest = data
                return
            assert self.file.read(2) == b"\r\n"
            response.chunks.append(data)
            yield data

    def response(self, method: str = "GET") -> Response:
        """A whole response."""
        response = self.head()
        if method == "HEAD" or response.status in (204, 304):
            return response
        if response.header("transfer-encoding") == "chunked":
            for _ in self.chunks(response):
                pass
        elif (length := response.header("content-length")) is not None:
            response.rest = self.file.read(int(length))
            response.terminated = len(response.rest) == int(length)
        else:
            response.rest = self.file.read()
        return response

    def at_end(self) -> bool:
        """Has the server closed the connection, with nothing more sent?"""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def curled(url: str, *options: str) -> Response:
    """The response to a request that curl sends."""
    command = ["curl", "-sS", "-i", "--http1.1", *options, url]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    return Response(int(first.split()[1]), "", headers, len(head), body)


def transformed(path: Path, overrides: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The resources that SAM's own translator makes of a template."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(path.read_text())
    shared = document.get("Globals", {}).get("Function", {})
    for properties in (shared, *(r.get("Properties", {}) for r in document["Resources"].values())):
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/key"  # as `sam package` leaves it
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    return dict(translator.translate(document, dict(overrides or {}))["Resources"])
