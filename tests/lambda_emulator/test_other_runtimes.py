"""AWS's own runtimes under the emulator: Node's streams, Python's managed loop answers buffered."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template

NODE = shutil.which("node")
ROOT = Path(__file__).parents[2]
PACKAGES = [
    Path(folder) / "aws-lambda-ric"
    for folder in (
        os.environ.get("NODE_MODULES", "node_modules"),
        ROOT / ".cache" / "node" / "node_modules",  # where .ci/run installs it
        ROOT / "benchmarks" / "node" / "node_modules",
    )
]

HANDLER = """
import fs from "node:fs";
const opened = async (gate) => {
  while (!fs.existsSync(gate)) await new Promise((done) => setTimeout(done, 2));
};
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const gate = event.queryStringParameters.gate;
  const prelude = {statusCode: 201, headers: {"x-from": "node"}, cookies: ["a=1"]};
  stream = awslambda.HttpResponseStream.from(stream, prelude);
  for (let i = 0; i < 3; i++) {
    stream.write(`chunk ${i}\\n`);
    await opened(`${gate}.${i}`);
  }
  stream.end();
});
"""


def node_client() -> Path | None:
    """The entry of aws-lambda-ric, where it is installed and this Node can run it."""
    if NODE is None:
        return None
    version = int(
        subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True)
        .stdout[1:]
        .split(".")[0]
    )
    for package in PACKAGES:
        for entry in (package / "bin" / "index.mjs", package / "index.mjs"):
            if entry.is_file():
                engines = (
                    json.loads((package / "package.json").read_text())
                    .get("engines", {})
                    .get("node", ">=18")
                )
                if version >= int(re.findall(r"\d+", engines)[0]) or "NODE_MODULES" in os.environ:
                    return entry
    return None


@pytest.mark.node
def test_aws_node_runtime_streams(tmp_path: Path) -> None:
    entry = node_client()
    if NODE is None or entry is None:
        pytest.skip(
            "needs Node.js and aws-lambda-ric: npm install aws-lambda-ric; "
            "NODE_MODULES names the folder"
        )
    (tmp_path / "index.mjs").write_text(HANDLER)
    gate = tmp_path / "gate"
    command = (NODE, str(entry), "index.handler")
    with RunningEmulator(command=command, cwd=tmp_path) as emulator, emulator.connect() as client:
        client.request("GET", f"/?gate={gate}")
        response = client.head()
        assert (response.status, response.header("x-from"), response.header("set-cookie")) == (
            201,
            "node",
            "a=1",
        )
        for index, chunk in enumerate(client.chunks(response)):
            assert chunk == f"chunk {index}\n".encode()
            Path(f"{gate}.{index}").touch()
        assert response.terminated


PYTHON = """
def handler(event, context):
    print("from the handler")
    if event["rawPath"] == "/throw":
        raise ValueError("thrown")
    if event["rawPath"] == "/large":
        return {"statusCode": 200, "body": "x" * 5_000_000}
    headers = {"x-id": context.aws_request_id}
    return {"statusCode": 203, "headers": headers, "body": "managed " + event["rawPath"]}
"""


def test_a_python_function_without_a_wrapper_runs_under_awslambdaric(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PYTHON)
    url = {"AuthType": "NONE", "InvokeMode": "BUFFERED"}
    template = write_template(
        tmp_path, CodeUri=".", Handler="app.handler", Runtime="python3.13", FunctionUrlConfig=url
    )
    with RunningEmulator("--template", str(template), command=()) as emulator:
        response = emulator.get("/x")
        assert (response.status, response.body) == (203, b"managed /x")
        assert response.header("x-id") == response.header("x-amzn-requestid")
        emulator.wait_for("log", message="from the handler", requestId=response.header("x-id"))
        assert emulator.get("/throw").status == 502
        assert emulator.get("/large").body == b"x" * 5_000_000


def test_a_wrapper_that_runs_what_it_is_given(tmp_path: Path) -> None:
    """The usual wrapper: sets something and runs "$@", Lambda's interpreter and bootstrap."""
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(event, context):\n    return os.environ['SET_BY_WRAPPER']\n"
    )
    wrapper = tmp_path / "wrap"
    wrapper.write_text('#!/bin/sh\nexport SET_BY_WRAPPER=yes\nexec "$@"\n')
    wrapper.chmod(0o755)
    template = write_template(
        tmp_path,
        CodeUri=".",
        Handler="app.handler",
        Runtime="python3.13",
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}},
        FunctionUrlConfig={"AuthType": "NONE", "InvokeMode": "BUFFERED"},
    )
    with RunningEmulator("--template", str(template), command=()) as emulator:
        assert emulator.get("/").body == b"yes"
