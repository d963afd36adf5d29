"""`serve`: a fixture that runs an example's template.yaml in the Lambda emulator."""

import json
import re
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

FIRST_BYTES: dict[str, dict[str, list[float]]] = {}
"""In ms, by example and route."""


@dataclass
class Emulator:
    """A running `lambda-emulator`. `urls` has the Function URLs, then the REST APIs."""

    urls: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    """What it reported so far: log lines, requests, ends of invocations."""
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return self.urls[0]

    def wait_for(self, wanted: Callable[[dict[str, Any]], Any]) -> Any:
        """What `wanted` gives for the first event, past or future, that it gives something for."""
        seen = 0
        with self.arrived:
            while True:
                for event in self.events[seen:]:
                    if found := wanted(event):
                        return found
                seen = len(self.events)
                assert self.arrived.wait(30), f"it never came: {self.events}"


@pytest.fixture(scope="module")
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[..., Emulator]]:
    """`serve(**parameters)` starts the emulator on the template next to the test, for its module.

    `fronts`: how many Function URLs and REST APIs the template has.
    """
    folder = request.path.parent
    with ExitStack() as stack:

        def start(
            *options: str,
            template: str = "template.yaml",
            port: int = 0,
            fronts: int = 1,
            **parameters: str,
        ) -> Emulator:
            overrides = [f"{name}={value}" for name, value in parameters.items()]
            command = [
                sys.executable,
                "-m",
                "lambda_emulator",
                "--template",
                template,
                "--port",
                str(port),
                "--json",
            ]
            command += options
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
            with emulator.arrived:
                emulator.events.append(event)
                emulator.arrived.notify_all()
            if "message" in event:
                print(event["message"].replace("\r", "\n"))  # pytest shows it where a test fails
            if event["event"] == "request" and event["firstByteMs"] is not None:
                path = re.sub("[0-9a-f-]{36}", "{uuid}", event["target"].partition("?")[0])
                request = f"{event['method']} {path} {event['status']}"
                FIRST_BYTES.setdefault(example, {}).setdefault(request, []).append(
                    event["firstByteMs"]
                )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The time from a request to its first byte, for each route and status: the median."""
    for example, requests in FIRST_BYTES.items():
        for request, times in requests.items():
            median = statistics.median(times)
            line = f"first byte {median:8.1f} ms  {example}: {request}, of {len(times)}"
            terminalreporter.write_line(line)
