"""The stream-safety middleware with one app, under uvicorn and on both kinds of function."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template
from tests.lambda_emulator.web_support import WebClient, WebEmulator, write_web_template
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

APPS = Path(__file__).with_name("apps")


@contextmanager
def under_uvicorn(parser: str, doorbell: Path) -> Iterator[int]:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--app-dir",
        str(APPS),
        "--port",
        "0",
        "--http",
        parser,
        "guarded:app",
    ]
    variables = {**os.environ, "DOORBELL": str(doorbell), "NO_COLOR": "1"}
    with subprocess.Popen(
        command, env=variables, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "running on" in line)
            yield int(ready.split("http://127.0.0.1:")[1].split()[0])
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)


@contextmanager
def on_an_event_function(folder: Path, doorbell: Path) -> Iterator[int]:
    template = write_template(
        folder,
        Handler="guarded.app",
        CodeUri=str(APPS),
        Timeout=30,
        Environment={
            "Variables": {"DOORBELL": str(doorbell), "LAMBDA_ASGI_RESPONSE_MODE": "streaming"}
        },
    )
    command = (sys.executable, "-m", "lambda_asgi", "guarded.app")
    with RunningEmulator(
        "--template", str(template), "--concurrency", "1", command=command
    ) as emulator:
        yield emulator.port


@contextmanager
def on_a_web_function(folder: Path, doorbell: Path) -> Iterator[int]:
    variables = {"DOORBELL": str(doorbell), "AWS_LAMBDA_PYTHON_ENTRYPOINT": "guarded:app"}
    template = write_web_template(folder, CodeUri=str(APPS), EnvironmentVariables=variables)
    with WebEmulator("--template", str(template), command=()) as emulator:
        yield emulator.port


@pytest.fixture
def doorbell(tmp_path: Path) -> Path:
    path = tmp_path / "doorbell"
    os.mkfifo(path)
    return path


@pytest.fixture(params=["uvicorn, httptools", "uvicorn, h11", "event function", "web function"])
def port(request: pytest.FixtureRequest, tmp_path: Path, doorbell: Path) -> Iterator[int]:
    where, _, parser = request.param.partition(", ")
    if where == "uvicorn":
        running = under_uvicorn(parser, doorbell)
    else:
        start = on_an_event_function if where == "event function" else on_a_web_function
        running = start(tmp_path, doorbell)
    with running as port:
        yield port


def without_heartbeats(body: bytes) -> bytes:
    return body.replace(b":\n\n", b"")


def visibly_broken(server: str) -> bool:
    return server != "event function"  # a Function URL lets a broken stream end cleanly (recorded)


def test_a_stream_that_takes_too_long_ends_with_a_record(
    port: int, request: pytest.FixtureRequest
) -> None:
    with WebClient(port) as client:
        client.request("GET", "/events")
        response = client.response()
    assert response.status == 200
    assert without_heartbeats(response.body) == (
        b'data: first\n\nevent: error\ndata: {"errorType":"Runtime.DurationExceeded"}\n\n'
    )
    assert b":\n\n" in response.body
    assert response.terminated is not visibly_broken(request.node.callspec.params["port"])


def test_an_error_in_mid_stream_ends_with_a_record(
    port: int, request: pytest.FixtureRequest
) -> None:
    with WebClient(port) as client:
        client.request("GET", "/lines")
        response = client.response()
    assert response.body == b'{"number": 1}\n{"error":{"errorType":"Runtime.UserException"}}\n'
    assert response.terminated is not visibly_broken(request.node.callspec.params["port"])


def test_heartbeats_reach_the_client_while_the_app_is_quiet(port: int, doorbell: Path) -> None:
    with WebClient(port) as client:
        client.request("GET", "/quiet")
        chunks = client.chunks(client.head())
        assert [next(chunks) for _ in range(4)] == [
            b"data: first\n\n",
            b":\n\n",
            b":\n\n",
            b":\n\n",
        ]
        doorbell.write_bytes(b"ring")
        assert without_heartbeats(b"".join(chunks)) == b"data: last\n\n"


def test_a_whole_response_is_untouched(port: int) -> None:
    with WebClient(port) as client:
        for _ in range(3):
            client.request("GET", "/whole")
            response = client.response()
            assert (response.status, response.body) == (200, b"whole")
