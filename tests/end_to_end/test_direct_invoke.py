"""A program invokes the function by boto3, and reads status and headers (docs/streams.md)."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lambda_asgi.testing import function_url_event
from tests.lambda_emulator.support import RunningEmulator, write_template
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).with_name("apps")
MODES = {
    "handler mode": (sys.executable, "-m", "awslambdaric", "direct.handler"),
    "runtime mode": (sys.executable, "-m", "lambda_asgi", "direct.app"),
}


@pytest.fixture(scope="module")
def opened() -> Any:
    """The function of docs/streams.md."""
    page = (ROOT / "docs" / "streams.md").read_text()
    names: dict[str, Any] = {}
    (code,) = (part.partition("```")[0] for part in page.split("```python") if "def opened" in part)
    exec(code, names)
    return names["opened"]


@pytest.fixture(params=MODES)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    variables = {
        "DOORBELL": str(tmp_path / "bell"),
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        "PYTHONPATH": f"{APPS}:{ROOT / 'src'}",
    }
    template = write_template(
        tmp_path,
        CodeUri=str(APPS),
        Handler=MODES[request.param][-1],
        Timeout=60,
        Environment={"Variables": variables},
    )
    options = ("--template", str(template), "--lambda-port", "0")
    with RunningEmulator(*options, command=MODES[request.param], fronts=2) as emulator:
        client = boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{emulator.ports[1]}",
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE),
        )
        try:
            yield client
        finally:
            client.close()


def ring(folder: Path, number: int) -> None:
    (folder / f"bell.{number}").touch()


def invoke(client: Any, path: str) -> Any:
    payload = json.dumps(function_url_event(path))
    return client.invoke_with_response_stream(FunctionName="Probe", Payload=payload)


def test_a_stream_over_invoke_with_response_stream(
    client: Any, opened: Any, tmp_path: Path
) -> None:
    response = invoke(client, "/")
    ring(tmp_path, 0)
    prelude, body = opened(response)
    assert prelude["statusCode"] == 201
    assert prelude["headers"]["content-type"] == "text/plain"
    assert prelude["cookies"] == ["a=1", "b=2"]
    assert next(part for part in body if part) == b"0\n"
    for number in (1, 2):  # each arrives before the next is made
        ring(tmp_path, number)
        assert next(body) == b"%d\n" % number
    assert list(body) == []


def test_a_stream_that_breaks_ends_like_any_other(client: Any, opened: Any, tmp_path: Path) -> None:
    """As recorded on AWS: error trailers are not passed on."""
    for number in range(3):
        ring(tmp_path, number)
    _, body = opened(invoke(client, "/breaks"))
    assert b"".join(body) == b"0\n1\n2\n"
