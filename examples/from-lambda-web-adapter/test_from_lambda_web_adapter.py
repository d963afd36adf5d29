"""`before` runs under uvicorn here, as it does behind the adapter. The adapter is not started."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

FOLDER = Path(__file__).parent
CONTEXT = {"x-amzn-request-context": json.dumps({"http": {"sourceIp": "127.0.0.1"}})}


@pytest.fixture(scope="module")
def before() -> Iterator[str]:
    command = [sys.executable, "-m", "uvicorn", "--port", "0", "main:app"]
    with subprocess.Popen(
        command, cwd=FOLDER / "before", stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "running on" in line)
            yield next(word for word in ready.split() if word.startswith("http://"))
        finally:
            server.kill()


@pytest.fixture(scope="module")
def after(serve: Callable[..., Any]) -> str:
    return serve(template="after/template.yaml").url


@pytest.mark.parametrize(
    "target", ["/items/1", "/items/none", "/caller", "/numbers?last=2", "/openapi.json"]
)
def test_both_answer_the_same(before: str, after: str, target: str) -> None:
    answers = [httpx.get(before + target, headers=CONTEXT), httpx.get(after + target)]
    shown = [
        (answer.status_code, answer.headers["content-type"], answer.content) for answer in answers
    ]
    assert shown[0] == shown[1]


def test_it_streams(after: str) -> None:
    with httpx.stream("GET", f"{after}/numbers?last=54000") as response:
        assert next(response.iter_lines()) == "data: 1"
