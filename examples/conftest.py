"""`serve`: a fixture that runs an example's template.yaml in the Lambda emulator."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

FIRST_BYTES: dict[str, list[tuple[str, float]]] = {}


@dataclass
class Emulator:
    """A running `lambda-emulator`. `urls` has the Function URL of each function, then the REST APIs."""

    urls: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    """What it reported so far: log lines, requests, ends of invocations."""

    @property
    def url(self) -> str:
        return self.urls[0]


@pytest.fixture(scope="module")
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[..., Emulator]]:
    """`serve(**parameters)` starts the emulator on the template next to the test; it ends with the test's module.

    `fronts`: how many Function URLs and REST APIs the template has.
    """
    folder = request.path.parent
    with ExitStack() as stack:

        def start(*, template: str = "template.yaml", fronts: int = 1, **parameters: str) -> Emulator:
            overrides = [f"{name}={value}" for name, value in parameters.items()]
            command = [sys.executable, "-m", "lambda_emulator", "--template", template, "--port", "0", "--json"]
            process = subprocess.Popen(
                [*command, "--parameter-overrides", *overrides] if overrides else command,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            emulator = Emulator(urls=[])
            reader = threading.Thread(target=_read, args=(process, emulator, folder.name))
            reader.start()
            stack.callback(reader.join)
            stack.callback(process.terminate)
            assert process.stdout is not None
            for _ in range(fronts):
                line = process.stdout.readline()
                if not line:
                    process.wait()
                    reader.join()
                    raise AssertionError(f"the function did not start: {emulator.events}")
                emulator.urls.append(line.split()[2].rstrip("/"))
            return emulator

        yield start


def _read(process: "subprocess.Popen[str]", emulator: Emulator, example: str) -> None:
    with process, process.stderr:  # type: ignore[union-attr]
        for line in process.stderr:  # type: ignore[union-attr]
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "text", "message": line.rstrip()}
            emulator.events.append(event)
            if event["event"] == "request" and event["firstByteMs"] is not None:
                start = "cold" if event["cold"] else "warm"
                target = event["target"].partition("?")[0]
                request = f"{event['method']} {target} ({start})"
                FIRST_BYTES.setdefault(example, []).append((request, event["firstByteMs"]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The time from each request to its first byte."""
    for example, requests in FIRST_BYTES.items():
        for request, milliseconds in requests:
            terminalreporter.write_line(f"first byte {milliseconds:8.1f} ms  {example}: {request}")
