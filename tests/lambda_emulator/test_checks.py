"""What is said about AWS before the first request, at the start and by `lambda-emulator check`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.checks import cautions
from lambda_emulator.template.config import FunctionConfig, FunctionURL
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, environment, write_template

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
STREAM = FunctionURL("NONE", "RESPONSE_STREAM")


def said(folder: Path, **fields: Any) -> list[tuple[str, str]]:
    function = FunctionConfig("Fn", folder, **{"runtime": HERE, **fields})
    return list(cautions(function, has_command=False, has_opt=False))


def elf(machine: int) -> bytes:
    return (
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little") + bytes(44)
    )


@pytest.mark.parametrize(
    ("name", "machine", "architecture", "about"),
    [
        (
            f"x.cpython-{HERE[6:].replace('.', '')}-x86_64-linux-gnu.so",
            0x3E,
            "arm64",
            "Architectures",
        ),
        (f"x.cpython-{HERE[6:].replace('.', '')}-aarch64-linux-gnu.so", 0xB7, "arm64", None),
        ("x.cpython-37m-x86_64-linux-gnu.so", 0x3E, "x86_64", None),
        ("x.cpython-38-x86_64-linux-gnu.so", 0x3E, "x86_64", "Runtime"),
        ("x.abi3.so", 0x3E, "x86_64", None),
        ("x.abi3.so", 0xB7, "x86_64", "Architectures"),
        ("bootstrap", 0xB7, "x86_64", "Architectures"),
        ("notes.so.txt", 0xB7, "x86_64", None),
    ],
)
def test_native_modules(
    tmp_path: Path, name: str, machine: int, architecture: str, about: str | None
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / name).write_bytes(elf(machine))
    assert [key for key, _ in said(tmp_path, architecture=architecture)] == (
        [about] if about else []
    )


def test_a_runtime_that_is_not_this_interpreter(tmp_path: Path) -> None:
    ((key, message),) = said(tmp_path, runtime="python3.9")
    assert key == "Runtime"
    assert f"runs under this {HERE}" in message


def web_template(folder: Path, name: str, machine: int, runtime: str = HERE) -> None:
    (folder / name).write_bytes(elf(machine))
    (folder / "template.yaml").write_text(f"""\
Resources:
  Site:
    Type: AWS::Serverless::WebFunction
    Properties:
      Runtime: {runtime}
      AuthType: ApplicationManaged
      CodeUri: .
""")


def test_a_web_function_has_the_same_checks(tmp_path: Path) -> None:
    web_template(tmp_path, "x.abi3.so", 0xB7)
    assert check(tmp_path).stderr == ""
    web_template(tmp_path, "x.abi3.so", 0x3E, runtime="python3.9")
    done = check(tmp_path)
    assert done.returncode == 1
    runtime, processor = done.stderr.splitlines()
    assert runtime.startswith(
        f"template.yaml:5: Site: Runtime is python3.9, and it runs under this {HERE}; "
    )
    assert processor.startswith("template.yaml:7: Site: ")
    assert processor.endswith("x.abi3.so is built for x86_64, and Web Functions run on arm64 only")
    assert check(tmp_path, "--", "server").stderr == "", "a command replaces the runtime"


def test_a_web_function_whose_code_is_for_another_python(tmp_path: Path) -> None:
    web_template(tmp_path, "x.cpython-38-aarch64-linux-gnu.so", 0xB7)
    (line,) = check(tmp_path).stderr.splitlines()
    assert line.startswith("template.yaml:5: Site: ")
    assert line.endswith(f"is built for Python 38, and Runtime says {HERE}")


def test_a_vpc_beside_a_streaming_url(tmp_path: Path) -> None:
    ((key, message),) = said(tmp_path, url=STREAM, in_vpc=True)
    assert (key, "does not stream" in message) == ("VpcConfig", True)
    assert said(tmp_path, url=FunctionURL(), in_vpc=True) == []


def test_layers_that_are_not_here(tmp_path: Path) -> None:
    ((key, message),) = said(tmp_path, remote_layers=("arn:aws:lambda:us-east-1:1:layer:L:1",))
    assert (key, "--opt" in message) == ("Layers", True)


PLAIN = """\
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {Code: code, Handler: a.b, Runtime: python3.13}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref F, AuthType: NONE}
"""
PERMISSION = """\
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !GetAtt F.Arn, Action: lambda:InvokeFunctionUrl, Principal: "*"}
"""


@pytest.mark.parametrize(("text", "allowed"), [(PLAIN, False), (PLAIN + PERMISSION, True)])
def test_a_url_without_a_permission(tmp_path: Path, text: str, allowed: bool) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "template.yaml").write_text(text)
    function = load(tmp_path / "template.yaml").functions["F"]
    found = [message for _, message in cautions(function, has_command=True, has_opt=False)]
    assert any("AWS::Lambda::Permission" in message for message in found) != allowed


def test_what_is_not_emulated_is_one_line(tmp_path: Path) -> None:
    """Alarms, logs and roles change nothing for a request, and are not worth a word."""
    resources = {
        "F": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "."}},
        "A": {"Type": "AWS::CloudWatch::Alarm"},
        "L": {"Type": "AWS::Logs::LogGroup"},
        "R": {"Type": "AWS::IAM::Role"},
        "Q1": {"Type": "AWS::SQS::Queue"},
        "Q2": {"Type": "AWS::SQS::Queue"},
        "T": {"Type": "AWS::DynamoDB::Table"},
    }
    (tmp_path / "template.json").write_text(json.dumps({"Resources": resources}))
    (caution,) = load(tmp_path / "template.json").cautions
    assert caution.message == "not emulated: AWS::DynamoDB::Table, 2 x AWS::SQS::Queue"


def check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lambda_emulator", "check", *options]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def test_check_prints_the_line_and_exits(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    write_template(tmp_path, CodeUri=".", Handler="a.b", Runtime=HERE)
    done = check(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    write_template(
        tmp_path, CodeUri=".", Handler="none.b", Runtime="python3.9", VpcConfig={"SubnetIds": []}
    )
    done = check(tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("template.yaml:1: Probe: ") for line in lines)
    (tmp_path / "template.yaml").write_text("Resources: 5")
    assert check(tmp_path).returncode == 2


def test_an_app_that_streams_behind_a_buffered_url(tmp_path: Path) -> None:
    """Only the app's code tells: said once, at the first response that shows it."""
    template = write_template(
        tmp_path, FunctionUrlConfig={"AuthType": "NONE", "InvokeMode": "BUFFERED"}
    )
    command = (sys.executable, str(RUNTIMES / "scripted.py"))
    with RunningEmulator("--template", str(template), command=command) as emulator:
        for _ in range(2):
            emulator.get("/stream")
        note = emulator.wait_for("note")["message"]
        assert note.startswith(f"{template}:1: the function streams, but InvokeMode is BUFFERED")
        emulator.get("/echo")
        assert len([event for event in emulator.drain() if event["event"] == "note"]) == 1


def test_an_app_that_does_not_stream_behind_a_streaming_url(tmp_path: Path) -> None:
    with RunningEmulator(cwd=tmp_path) as emulator:
        emulator.get("/result?b64=eyJzdGF0dXNDb2RlIjogMjAwfQ==")
        assert (
            "the function does not stream, but InvokeMode is RESPONSE_STREAM"
            in emulator.wait_for("note")["message"]
        )
