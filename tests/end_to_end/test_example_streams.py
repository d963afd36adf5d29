"""examples/streams under uvicorn: what docs/streams.md promises of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambda_emulator.support import Client
from tests.patience import PATIENCE

SOURCE = Path(__file__).parents[2] / "examples" / "streams" / "src"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(SOURCE), "--port", "0", "main:app"]
    variables = {**os.environ, "STOP_FOLDER": str(tmp_path / "stops"), "NO_COLOR": "1"}
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "running on" in line)
            yield int(ready.split("http://127.0.0.1:")[1].split()[0])
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)


def test_a_stream_stops_when_another_request_says_so(port: int) -> None:
    with Client(port) as reader, Client(port) as other:
        reader.request("GET", "/clock/0123456789abcdef")
        chunks = reader.chunks(reader.head())
        assert next(chunks).startswith(b"data: ")
        other.request("DELETE", "/clock/0123456789abcdef")
        assert other.response().status == 202
        assert b"".join(chunks).endswith(b"event: stopped\ndata:\n\n")


@pytest.mark.parametrize("name", ["short", "..%2Fetc%2Fpasswd", "a" * 65])
def test_a_name_is_never_a_path(port: int, name: str) -> None:
    with Client(port) as client:
        client.request("DELETE", f"/clock/{name}")
        assert client.response().status in (404, 422)
