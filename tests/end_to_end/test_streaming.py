"""An app on the whole path: lambda_asgi, Runtime API, Function URL, client. Only real processes."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template

APPS = Path(__file__).with_name("apps")
COMMAND = (sys.executable, "-m", "lambda_asgi", "streaming.app")  # the last word becomes _HANDLER


@pytest.fixture
def emulator(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """The app `streaming.app`; `indirect` parameters are further properties of the function."""
    doorbell = tmp_path / "doorbell"
    os.mkfifo(doorbell)
    variables = {
        "DOORBELL": str(doorbell),
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        "LAMBDA_ASGI_DEADLINE_MARGIN_MS": "2000",
    }
    template = write_template(
        tmp_path,
        Handler="streaming.app",
        CodeUri=str(APPS),
        Environment={"Variables": variables},
        **({"Timeout": 30} | getattr(request, "param", {})),
    )
    with RunningEmulator(
        "--template", str(template), "--concurrency", "1", command=COMMAND
    ) as emulator:
        yield emulator


def test_each_chunk_arrives_when_it_is_sent(emulator: RunningEmulator, tmp_path: Path) -> None:
    with emulator.connect() as client:
        client.request("GET", "/doorbell")
        chunks = client.chunks(client.head())
        assert next(chunks) == b"first"
        (tmp_path / "doorbell").write_bytes(b"ring")  # only now can the app go on
        assert list(chunks) == [b"second"]


def test_one_lifespan_for_many_invocations(emulator: RunningEmulator) -> None:
    assert [emulator.get("/starts").body for _ in range(3)] == [b"1"] * 3


def test_an_error_before_the_first_byte_is_a_500(emulator: RunningEmulator) -> None:
    response = emulator.get("/fail-before")
    assert (response.status, response.body) == (500, b"Internal Server Error")
    assert emulator.get("/starts").body == b"1", "the same environment goes on"


def test_an_error_after_the_first_byte_shows_nothing_of_it(emulator: RunningEmulator) -> None:
    response = emulator.get("/fail-after")
    assert (response.status, response.body) == (200, b"some")
    assert response.terminated, "a Function URL ends such a stream cleanly (recorded)"
    emulator.wait_for("log")
    assert emulator.get("/starts").body == b"1"


@pytest.mark.parametrize("emulator", [{"Timeout": 4}], indirect=True)
def test_the_deadline_ends_a_response_and_not_the_environment(emulator: RunningEmulator) -> None:
    response = emulator.get("/sleepless")
    assert (response.status, response.body) == (200, b"begun")
    assert emulator.get("/starts").body == b"1"
    emulator.wait_for("log", message="the app has cleaned up")


def test_the_lifespan_ends_with_the_environment(emulator: RunningEmulator) -> None:
    assert emulator.get("/starts").body == b"1"
    emulator.stop()
    assert "the app has shut down" in str(emulator.drain())
