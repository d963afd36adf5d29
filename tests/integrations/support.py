"""A function with an integration, under the emulator, and the collectors of its telemetry."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.integrations import recipes
from tests.lambda_emulator.support import Response, RunningEmulator, write_template
from tests.patience import PATIENCE
from tools import integrations

WEB = Path(__file__).with_name("web.py")
STREAM = "RESPONSE_STREAM"

STREAM_SECONDS = 0.3
"""What the app takes from the first to the last byte of /stream, at least."""


def interpreter(name: str) -> Path:
    """Of the integration's environment; without one, the test is skipped."""
    found = integrations.interpreter(name)
    if found is None:
        pytest.skip(
            f"needs an environment with other packages: python -m tools.integrations {name}"
        )
    return found


@contextmanager
def function(
    name: str,
    recipe: str,
    adapter: str,
    folder: Path,
    variables: Mapping[str, str] = MappingProxyType({}),
    *,
    mode: str = "",
    handler: str = "main.handler",
    lambda_api: bool = False,
) -> Iterator[RunningEmulator]:
    """A recipe of docs/observability.md around web.py, behind a Function URL.

    There is one environment, and it is frozen between invocations.

    Args:
        name: The environment that has the packages.
        adapter: "handler" or "runtime" (both of lambda_asgi), "mangum", or "none".
        mode: The mode that the recipe was written for, if it is not the adapter's.
    """
    python = interpreter(name)
    code = folder / adapter
    code.mkdir(parents=True)
    mode = mode or ("runtime" if adapter == "runtime" else "handler")
    for file, text in recipes.recipe(f"{recipe}, {mode} mode").items():
        controlled = file == "main.py" and adapter in recipes.CONTROLS
        (code / file).write_text(recipes.with_control(text, adapter) if controlled else text)
    shutil.copy(WEB, code)
    template = write_template(
        folder,
        CodeUri=str(code),
        Handler=handler,
        Runtime=f"python3.{version(python)}",
        Timeout=60,
        Tracing="Active",
        ReservedConcurrentExecutions=1,
        FunctionUrlConfig={
            "AuthType": "NONE",
            "InvokeMode": "BUFFERED" if adapter in recipes.CONTROLS else STREAM,
        },
        Environment={"Variables": dict(variables)},
    )
    command = (
        str(python),
        "-m",
        "lambda_asgi" if adapter == "runtime" else "awslambdaric",
        handler,
    )
    options = (
        "--template",
        str(template),
        "--freeze",
        *(("--lambda-port", "0") if lambda_api else ()),
    )
    with RunningEmulator(*options, command=command, fronts=1 + lambda_api) as emulator:
        yield emulator


def version(python: Path) -> int:
    code = "import sys; print(sys.version_info.minor)"
    return int(subprocess.run([python, "-c", code], capture_output=True, check=True).stdout)


def ask(emulator: RunningEmulator, path: str) -> Response:
    """Return the response to a GET, once the environment is frozen again.

    What it has not sent by then comes too late.
    """
    response = emulator.get(path)
    emulator.wait_for("report", requestId=response.header("x-amzn-requestid"))
    return response


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Collector:
    """An HTTP server that takes everything, decompressed."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    """Cleared: nothing is answered until it is set again."""

    come: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> list[Request]:
        """Return what arrived since the last call."""
        taken, self.requests = self.requests, []
        return taken

    def wait(self) -> None:
        """Wait until something arrives."""
        with self.come:
            assert self.come.wait_for(lambda: bool(self.requests), PATIENCE), "nothing was sent"


@contextmanager
def collector(answer: bytes = b"{}") -> Iterator[Collector]:
    collected = Collector()
    collected.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            body = self._body()
            encoding = self.headers.get("Content-Encoding", "")
            if encoding == "gzip":
                body = gzip.decompress(body)
            elif encoding == "deflate":
                body = zlib.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            with collected.come:
                collected.requests.append(Request(self.command, self.path, headers, body))
                collected.come.notify_all()
            collected.open.wait(PATIENCE)
            with suppress(ConnectionError):  # the function may have given up, or have been ended
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = _take

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        collected.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield collected
        finally:
            collected.open.set()
            server.shutdown()
            thread.join()


class Datagrams:
    """A UDP port, such as the X-Ray daemon's."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = "{}:{}".format(*self._socket.getsockname())

    def take(self) -> list[bytes]:
        """Return what arrived since the last call. Loopback delivers before `send` returns."""
        taken = []
        while True:
            try:
                taken.append(self._socket.recv(65536))
            except BlockingIOError:
                return taken

    def close(self) -> None:
        self._socket.close()


def in_environment(name: str, code: str, data: bytes) -> Any:
    """Run `code` where the integration's packages are. Return what it prints as JSON."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    ran = subprocess.run(
        [interpreter(name), "-c", code],
        input=data,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return json.loads(ran.stdout)
