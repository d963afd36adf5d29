"""`lambda-emulator invoke`: response on stdout, log on stderr, sam's exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lambda_emulator.support import SCRIPTED, environment, write_template
from tests.patience import PATIENCE

HANDLER = """\
import json
import sys

def handler(event, context):
    print("seen", json.dumps(event))
    if event.get("fail"):
        raise ValueError("asked to")
    return {"event": event, "client": context.client_context and context.client_context.custom}
"""


def invoke(
    *words: str, cwd: Path, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "invoke", *words],
        cwd=cwd,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two functions of one Python module."""
    (tmp_path / "main.py").write_text(HANDLER)
    write_functions(tmp_path, One={}, Two={"FunctionName": "the-second"})
    return tmp_path


def write_functions(folder: Path, **functions: dict[str, Any]) -> None:
    resources = {
        name: {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": ".",
                "Handler": "main.handler",
                "Runtime": "python3.13",
                **properties,
            },
        }
        for name, properties in functions.items()
    }
    (folder / "template.yaml").write_text(json.dumps({"Resources": resources}))


@pytest.mark.parametrize("name", ["Two", "the-second"])
def test_a_function_and_an_event(project: Path, name: str) -> None:
    (project / "event.json").write_text('{"a": 1}')
    done = invoke(name, "--event", "event.json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["event"] == {"a": 1}
    assert 'seen {"a": 1}' in done.stderr
    assert "REPORT RequestId:" in done.stderr


def test_an_event_from_standard_input(project: Path) -> None:
    done = invoke("One", "-e", "-", cwd=project, stdin='{"b": 2}')
    assert json.loads(done.stdout)["event"] == {"b": 2}


def test_no_event(project: Path) -> None:
    for words in ((), ("--no-event",)):
        assert json.loads(invoke("One", *words, cwd=project).stdout)["event"] == {}


def test_client_context(project: Path) -> None:
    context = json.dumps({"custom": {"x": "y"}})
    done = invoke("One", "--client-context", context, cwd=project)
    assert json.loads(done.stdout)["client"] == {"x": "y"}


def test_an_error_of_the_function_is_an_answer(project: Path) -> None:
    done = invoke("One", "-e", "-", cwd=project, stdin='{"fail": true}')
    assert done.returncode == 0
    error = json.loads(done.stdout)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "asked to")


def test_quiet_leaves_the_functions_own_log(project: Path) -> None:
    done = invoke("One", "--quiet", cwd=project)
    assert done.stderr.rstrip().endswith("seen {}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "choose one with --function: One, Two"),
        (["Three"], 2, "no function 'Three'; there is: One, Two"),
        (["One", "--event", "missing.json"], 2, "--event missing.json: "),
        (["One", "--event", "main.py"], 2, "--event main.py: "),
        (["One", "--event", "-", "--no-event"], 2, "exclude each other"),
        (["One", "--", "./nothing"], 0, ""),
    ],
)
def test_what_cannot_be_invoked(project: Path, words: list[str], status: int, message: str) -> None:
    done = invoke(*words, cwd=project)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_function_that_cannot_be_started(project: Path) -> None:
    write_functions(project, One={"Handler": "gone.handler"})
    done = invoke(cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no " in done.stderr
    assert "gone.py" in done.stderr


def test_a_stream_is_printed_as_it_comes(tmp_path: Path) -> None:
    """The function waits for a file that is made after its first piece was read."""
    write_template(tmp_path)
    gate = tmp_path / "gate"
    event = {"rawPath": "/gated", "rawQueryString": f"count=2&gate={gate}"}
    (tmp_path / "event.json").write_text(json.dumps(event))
    command = [
        sys.executable,
        "-m",
        "lambda_emulator",
        "invoke",
        "-e",
        "event.json",
        "-q",
        "--",
        sys.executable,
        str(SCRIPTED),
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 65536).endswith(b"chunk 0\n")
        assert process.poll() is None
        gate.with_name("gate.0").touch()
        assert os.read(process.stdout.fileno(), 65536) == b"chunk 1\n"
        gate.with_name("gate.1").touch()
        assert process.stdout.read() == b""
        assert process.wait(PATIENCE) == 0


def test_asynchronously_with_retries_and_a_destination(project: Path) -> None:
    config = {
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {
            "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:dead"}
        },
    }
    write_functions(project, One={"EventInvokeConfig": config})
    words = ("--invocation-type", "Event", "--json", "-e", "-")
    done = invoke(*words, cwd=project, stdin='{"fail": true}')
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    told = [event for event in events if event["event"] == "asynchronous"]
    assert "attempt 1 of 2 failed (ValueError: asked to)" in told[0]["message"]
    assert "in 1 s (on AWS: 60 s)" in told[0]["message"]
    assert "given up: RetriesExhausted after 2 attempts" in told[1]["message"]
    record = told[2]["record"]
    assert told[2]["message"].startswith("OnFailure to arn:aws:sqs:us-east-1:123456789012:dead: ")
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"] == {"fail": True}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "asked to"
    assert len([event for event in events if event["event"] == "start"]) == 2
