"""The function of template.yaml in the Lambda emulator."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "lambda_emulator",
        "--template",
        "template.yaml",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout is not None
        try:
            yield emulator.stdout.readline().removeprefix("Listening on ").strip()
        finally:
            emulator.terminate()


def test_numbers_arrive_one_by_one(url: str) -> None:
    """A hundred numbers take fifty seconds. The first are here, so nothing waits for the last."""
    with httpx.stream("GET", f"{url}/numbers?last=100") as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(3)] == ["data: 1", "", "data: 2"]
