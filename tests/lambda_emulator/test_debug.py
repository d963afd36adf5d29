"""`--debug`: a debugger in the terminal, one attached through its protocol, and no time limits."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import pytest

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.function.host import Host
from tests.lambda_emulator.support import environment
from tests.patience import PATIENCE
from tests.ports import free_ports

APP = """\
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    left = scope["aws.context"].get_remaining_time_in_millis()
    answer = 41
    breakpoint()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % answer})


def handler(event, context):
    left = context.get_remaining_time_in_millis()
    answer = 41
    breakpoint()
    return answer
"""


class Terminal:
    """The emulator in a terminal of its own."""

    def __init__(self, *options: str, cwd: Path) -> None:
        self._master, slave = pty.openpty()
        command = [sys.executable, "-m", "lambda_emulator", "--port", "0", "--debug", *options]
        self._process = subprocess.Popen(
            command, cwd=cwd, env=environment(TERM="dumb"), stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self._seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        finally:
            os.close(self._master)

    def shows(self, pattern: str) -> re.Match[str]:
        """Wait until it shows that. What came before is then gone."""
        end = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self._seen)) is None:
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in: {self._seen}"
            self._seen += os.read(self._master, 65536).decode("utf-8", "replace")
        self._seen = self._seen[found.end() :]
        return found

    def types(self, line: str) -> None:
        os.write(self._master, f"{line}\n".encode())


class Request(threading.Thread):
    """A client that waits as long as it takes."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.body = b""
        self.start()

    def run(self) -> None:
        with urlopen(self._url, timeout=2 * PATIENCE) as response:
            self.body = response.read()


@pytest.mark.parametrize(
    "options", [["main:app"], ["main:app", "--runtime", "handler-mode"], ["main:handler"]]
)
def test_breakpoint_works_in_the_terminal(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "main.py").write_text(APP)
    with Terminal(*options, cwd=tmp_path) as terminal:
        url = terminal.shows(r"Listening on (http://[\w.:]+)")[1]
        request = Request(url)
        terminal.shows(r"\(Pdb\) ")
        # lambda_asgi takes a deadline so far away as none, and then says 0.
        terminal.types("left > 80_000_000 or not left")
        terminal.shows(r"True\s+\(Pdb\) ")
        terminal.types("answer = 42")
        terminal.shows(r"\(Pdb\) ")
        terminal.types("c")
        terminal.shows("REPORT RequestId")
        request.join(PATIENCE)
    assert request.body == b"42"


class Debugger:
    """A client of the Debug Adapter Protocol, which VS Code speaks to debugpy."""

    def __init__(self, port: int) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end, "nothing listens for the debugger"
        self._file = self._socket.makefile("rb")
        self._number = 0

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, command: str, **arguments: Any) -> None:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command}
        body = json.dumps({**message, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def _messages(self) -> Iterator[dict[str, Any]]:
        while True:
            size = int(self._file.readline().split(b":")[1])
            self._file.readline()
            yield json.loads(self._file.read(size))

    def next(self, kind: str, name: str) -> dict[str, Any]:
        """Return the body of the next event or response of that name."""
        key = "event" if kind == "event" else "command"
        for message in self._messages():
            if message["type"] == kind and message[key] == name:
                assert message.get("success", True), message
                body: dict[str, Any] = message.get("body", {})
                return body
        raise AssertionError(f"no {name}")

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.send(command, **arguments)
        return self.next("response", command)


@pytest.mark.slow
def test_a_debugger_attaches(tmp_path: Path) -> None:
    """The command of docs/emulator.md, and the requests that VS Code sends."""
    source = tmp_path / "main.py"
    source.write_text(APP.replace("    breakpoint()\n", ""))
    line = source.read_text().splitlines().index("    return answer") + 1
    (port,) = free_ports(1)
    command = (
        sys.executable,
        "-Xfrozen_modules=off",
        "-m",
        "debugpy",
        "--listen",
        f"127.0.0.1:{port}",
        "--wait-for-client",
        "-m",
        "awslambdaric",
        "main.handler",
    )
    with Terminal("main:handler", "--", *command, cwd=tmp_path) as terminal:
        debugger = Debugger(port)
        debugger.ask("initialize", adapterID="debugpy", clientID="test", linesStartAt1=True)
        debugger.send("attach", justMyCode=True)
        debugger.next("event", "initialized")
        debugger.ask("setBreakpoints", source={"path": str(source)}, breakpoints=[{"line": line}])
        debugger.ask("configurationDone")
        request = Request(terminal.shows(r"Listening on (http://[\w.:]+)")[1])
        stopped = debugger.next("event", "stopped")
        assert stopped["reason"] == "breakpoint"
        thread = stopped["threadId"]
        frame = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]
        assert (frame["line"], frame["source"]["path"]) == (line, str(source))
        found = debugger.ask("evaluate", expression="answer + 1", frameId=frame["id"])
        assert found["result"] == "42"
        debugger.ask("continue", threadId=thread)
        request.join(PATIENCE)
        debugger.close()
    assert request.body == b"41"


def test_no_limit_is_reached_while_debugging() -> None:
    assert Host(Console(), debug=True).limit(limits.INIT_SECONDS) == limits.DEBUG_SECONDS
    assert Host(Console()).limit(limits.INIT_SECONDS) == limits.INIT_SECONDS
