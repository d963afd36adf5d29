"""The app under uvicorn, one process for all requests, as on a Web Function; and in the emulator."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

APP = Path(__file__).parent / "app"


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(APP), "--port", "0", "main:app"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "running on" in line)
            yield next(word for word in ready.split() if word.startswith("http://"))
        finally:
            server.kill()


def ping_beside(url: str, path: str) -> float:
    """Seconds that a ping takes while a stream waits for its second piece, which takes one."""
    with httpx.stream("GET", f"{url}{path}?pieces=2", timeout=30) as response:
        next(response.iter_lines())
        began = time.monotonic()
        assert httpx.get(f"{url}/ping", timeout=30).json() == "pong"
        return time.monotonic() - began


def test_one_that_blocks_stops_everybody_else(shared: str) -> None:
    assert ping_beside(shared, "/blocking") > 0.5


@pytest.mark.parametrize("path", ["/sync", "/threads"])
def test_the_others_do_not(shared: str, path: str) -> None:
    """Compared with the one that blocks, because a busy machine is slow to everybody."""
    assert min(ping_beside(shared, path) for _ in range(3)) < ping_beside(shared, "/blocking") / 2


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any]) -> str:
    return serve().url


@pytest.mark.parametrize("path", ["/blocking", "/sync", "/threads"])
def test_all_give_the_same(url: str, path: str) -> None:
    assert httpx.get(f"{url}{path}?pieces=2", timeout=30).text == "a piece\n" * 2


def test_a_file(url: str) -> None:
    assert httpx.get(f"{url}/file").content == (APP / "main.py").read_bytes()
