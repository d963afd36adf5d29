"""External extensions: programs in a layer's extensions/ folder, in processes of their own."""

import json
import sys
from pathlib import Path

from tests.lambda_emulator.support import RUNTIMES, RunningEmulator

EXTENSION = """\
#!{python}
import http.client, json, os, sys
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def ask(method, path, body=None, **headers):
    headers = {{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    response = connection.getresponse()
    return response, json.loads(response.read())

if os.environ.get("EXTENSION") == "exit":
    sys.exit(7)
events = json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}})
response, about = ask("POST", "register", events, Lambda_Extension_Name="watcher")
print("registered", response.status, about["functionName"], flush=True)
identifier = response.headers["Lambda-Extension-Identifier"]
while True:
    _, event = ask("GET", "event/next", Lambda_Extension_Identifier=identifier)
    reason = event.get("requestId") or event.get("shutdownReason")
    print("event", event["eventType"], reason, flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
    if os.environ.get("EXTENSION") == "crash":
        sys.exit(8)
"""


def write(folder: Path, **variables: str) -> Path:
    program = folder / "layer" / "extensions" / "watcher"
    program.parent.mkdir(parents=True)
    program.write_text(EXTENSION.format(python=sys.executable))
    program.chmod(0o755)
    (program.parent / "notes.txt").write_text("no program")
    resources = {
        "Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}},
        "Probe": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": str(RUNTIMES),
                "Runtime": "provided.al2023",
                "Handler": "h",
                "Layers": [{"Ref": "Layer"}],
                "FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"},
                "Timeout": 30,
                "Environment": {"Variables": variables},
            },
        },
    }
    path = folder / "template.yaml"
    path.write_text(json.dumps({"Resources": resources}))
    return path


def test_it_registers_is_told_of_invocations_and_of_the_end(tmp_path: Path) -> None:
    with RunningEmulator("--template", str(write(tmp_path)), "--concurrency", "1") as emulator:
        emulator.wait_for("log", message="registered 200 Probe")
        for _ in range(2):
            request_id = emulator.get("/echo").header("x-amzn-requestid")
            emulator.wait_for("log", message=f"event INVOKE {request_id}")
        emulator.stop()
        emulator.wait_for("log", message="event SHUTDOWN spindown")


def test_a_timeout_is_the_reason_of_its_end(tmp_path: Path) -> None:
    template = write(tmp_path)
    template.write_text(template.read_text().replace('"Timeout": 30', '"Timeout": 1'))
    with RunningEmulator("--template", str(template), "--concurrency", "1") as emulator:
        assert emulator.get("/sleep").status == 502
        emulator.wait_for("log", message="event SHUTDOWN timeout")


def test_one_that_does_not_start_fails_the_init(tmp_path: Path) -> None:
    with RunningEmulator(
        "--template", str(write(tmp_path, EXTENSION="exit")), "--cold"
    ) as emulator:
        assert emulator.get("/echo").status == 502
        failed = emulator.wait_for("init_failed")
        assert failed["errorType"] == "Extension.Crash"
        assert "exit status 7" in failed["message"]


def test_one_that_ends_takes_its_environment_with_it(tmp_path: Path) -> None:
    options = ("--template", str(write(tmp_path, EXTENSION="crash")), "--concurrency", "1")
    with RunningEmulator(*options) as emulator:
        first = emulator.get("/echo")
        assert first.status in (200, 502), "the runtime may have answered before"
        assert emulator.wait_for("report")["status"] == "error Error Type: Extension.Crash"
        assert emulator.get("/echo").status in (200, 502)
