"""Handler mode in Lambda's own loop: each line of awslambdaric on each Python that it supports.

It runs under lambda-emulator and under AWS's Runtime Interface Emulator.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.test_rie import needs_rie, rie
from tests.lambda_emulator.support import RunningEmulator, write_template
from tools import lambda_loops

APPS = Path(__file__).with_name("apps")


def from_version(least: str) -> list[ParameterSet]:
    """The environments whose awslambdaric is at least of the major version `least`."""
    return [
        pytest.param(loop, id=f"awslambdaric {loop[0]} on {loop[1]}")
        for loop in lambda_loops.LOOPS
        if loop[0] >= least
    ]


NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

pytestmark = pytest.mark.lambda_loops


@pytest.fixture(params=from_version("2"))
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter of an environment with that loop."""
    found = lambda_loops.interpreter(*request.param)
    if found is None:
        pytest.skip("needs an environment with another awslambdaric: python -m tools.lambda_loops")
    return str(found)


@contextmanager
def emulator(
    python: str,
    folder: Path,
    handler: str = "in_loop.handler",
    variables: Mapping[str, str] = NO_VARIABLES,
    **properties: Any,
) -> Iterator[RunningEmulator]:
    """One environment, frozen between invocations, as on AWS."""
    template = write_template(
        folder,
        CodeUri=str(APPS),
        Handler=handler,
        Environment={"Variables": {"DOORBELL": str(folder / "doorbell"), **variables}},
        **({"Timeout": 60} | properties),
    )
    command = (python, "-m", "awslambdaric", handler)
    options = ("--template", str(template), "--freeze", "--concurrency", "1")
    with RunningEmulator(*options, command=command) as running:
        yield running


def ring(folder: Path, name: str = "") -> Path:
    """Write to the pipe that the app waits for."""
    bell = folder / f"doorbell{name}"
    os.mkfifo(bell)
    return bell


@pytest.mark.parametrize("handler", ["in_loop.handler", "in_loop.decorated", "in_loop.function"])
def test_each_chunk_arrives_when_it_is_sent(python: str, handler: str, tmp_path: Path) -> None:
    """Cold, then warm."""
    bell = ring(tmp_path)
    with emulator(python, tmp_path, handler) as running:
        for _ in range(2):
            with running.connect() as client:
                client.request("GET", "/doorbell")
                chunks = client.chunks(client.head())
                assert next(chunks).isdigit()
                bell.write_bytes(b"ring")  # only now can the app go on
                assert list(chunks) == [b"rung"]


def test_one_process_answers_many(python: str, tmp_path: Path) -> None:
    """Errors before and after the first byte do not end it."""
    with emulator(python, tmp_path) as running:
        for _ in range(50):
            response = running.get("/starts")
            assert (response.status, response.body, response.header("set-cookie")) == (
                200,
                b"1",
                "a=b",
            )
        response = running.get("/fail-before")
        assert (response.status, response.body) == (500, b"Internal Server Error")
        assert running.get("/starts").body == b"1"
        response = running.get("/fail-after")
        assert (response.status, response.body) == (200, b"some")
        assert running.get("/starts").body == b"1"
        noted = running.wait_for("request", target="/fail-after")
        assert "ValueError after the first byte" in json.dumps(noted)


def test_the_deadline_ends_a_response_and_not_the_process(python: str, tmp_path: Path) -> None:
    with emulator(
        python, tmp_path, variables={"LAMBDA_ASGI_DEADLINE_MARGIN_MS": "2000"}, Timeout=4
    ) as running:
        response = running.get("/sleepless")
        assert (response.status, response.body) == (200, b"begun")
        running.wait_for("log", message="the app has cleaned up")
        assert running.get("/starts").body == b"1"


def test_an_app_that_ignores_its_deadline_is_killed_and_replaced(
    python: str, tmp_path: Path
) -> None:
    with emulator(python, tmp_path, Timeout=2) as running:
        running.get("/blocks")
        running.wait_for("report", status="timeout")
        assert running.get("/starts").body == b"1"


@needs_rie
def test_a_lifespan_that_fails_is_an_init_error(python: str) -> None:
    with rie("in_loop.handler", command=(python, "-m", "awslambdaric"), FAILS="yes") as running:
        answer = running.get("/starts")
        assert answer.status == 502
        document = json.loads(answer.body)
        assert (document["errorType"], document["errorMessage"]) == ("StartupFailed", "no database")


def test_the_lifespan_starts_in_the_initialization(python: str, tmp_path: Path) -> None:
    with emulator(python, tmp_path) as running:
        running.wait_for("log", message="the app has started")
        assert not [event for event in running.drain() if event["event"] == "start"]


# SnapStart is there from awslambdaric 3 on, Managed Instances from 4 on.


@pytest.mark.parametrize("python", from_version("3"), indirect=True)
def test_the_lifespan_starts_before_the_snapshot(python: str, tmp_path: Path) -> None:
    with emulator(python, tmp_path, SnapStart={"ApplyOn": "PublishedVersions"}) as running:
        running.wait_for("log", message="the app has started")
        assert running.get("/starts").body == b"1"
        assert running.get("/starts").body == b"1"


@pytest.mark.parametrize("python", from_version("4"), indirect=True)
def test_managed_instances(python: str, tmp_path: Path) -> None:
    """Lambda's loop forks a process for each concurrent request before it imports the handler.

    Each of them streams.
    """
    managed = {
        "CapacityProviderArn": "arn:aws:lambda:us-east-1:123456789012:capacity-provider:test"
    }
    config = {
        "LambdaManagedInstancesCapacityProviderConfig": managed
        | {"PerExecutionEnvironmentMaxConcurrency": 4}
    }
    bells = [ring(tmp_path, f"-{number}") for number in range(4)]
    with emulator(python, tmp_path, CapacityProviderConfig=config) as running:
        clients = [running.connect() for _ in bells]
        streams = []
        for number, client in enumerate(clients):
            client.request("GET", f"/doorbell-{number}")
            streams.append(client.chunks(client.head()))
        assert len({next(chunks) for chunks in streams}) == 4
        for bell, chunks, client in zip(bells, streams, clients, strict=True):
            bell.write_bytes(b"ring")
            assert list(chunks) == [b"rung"]
            client.close()


# AWS's Runtime Interface Emulator: it validates each post, and passes a stream on in one piece.


@needs_rie
def test_under_aws_runtime_interface_emulator(python: str) -> None:
    with rie("in_loop.handler", command=(python, "-m", "awslambdaric")) as running:
        for _ in range(3):
            assert running.get("/starts").split == (
                (200, {"content-type": "text/plain"}, ["a=b"]),
                b"1",
            )
        assert running.get("/fail-before").split[0].status == 500
        assert running.get("/fail-after").split[1] == b"some"
        assert running.get("/starts").split[1] == b"1"
        assert json.loads(running.invoke({"warm": True}).body)["errorType"], (
            "not a route of this app"
        )
        output = running.end()
    assert "PANIC" not in output


@needs_rie
def test_under_sam_local(python: str) -> None:
    with rie(
        "in_loop.function", command=(python, "-m", "awslambdaric"), AWS_SAM_LOCAL="true"
    ) as running:
        answer = json.loads(running.get("/starts").body)
        assert (answer["statusCode"], answer["body"]) == (200, "1")
        assert json.loads(running.invoke({"warm": True}).body) == {"warmed": True}
        assert (
            json.loads(running.invoke(function_url_event("/fail-before")).body)["statusCode"] == 500
        )
